"""`barlow report`: everything a results folder shows, from plan.json and the records alone."""

from barlowcli.report.writing import Report, write_report

__all__ = ["Report", "write_report"]
