"""Plots of a report: pure functions of plan, records and training logs, as SVG and PNG."""

from barlowcli.machine.drawing import import_matplotlib

import_matplotlib()  # before any module of this room does
