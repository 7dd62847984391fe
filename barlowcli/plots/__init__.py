"""Plots of a report: pure functions of plan, records and training logs, as SVG and PNG."""
