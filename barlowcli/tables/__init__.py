"""The tables of a report: CSV for programs, Markdown and LaTeX for readers."""
