"""Published figures as CSV, a file a question, and what is measured here in the same form."""
