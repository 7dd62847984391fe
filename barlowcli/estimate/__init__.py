"""What cells would take on this machine: a few steps and probes of each kind are timed, the rest is arithmetic."""

from barlowcli.estimate.totals import Estimate, Group, estimate

__all__ = ["Estimate", "Group", "estimate"]
