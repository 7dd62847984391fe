"""The application: what the commands and the Python interface call."""
