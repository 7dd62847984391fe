"""The errors a user may meet; `cli.main` prints the message and its hint and maps each to its exit code."""

from collections.abc import Sequence


class BarlowError(Exception):
    """A failure with words for the user.

    message: what is wrong, in one sentence, naming the thing. hint: what to do about it.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(BarlowError):
    """One or several mistakes in a flag, a setting or an experiment file; all are reported at once."""

    def __init__(self, problems: Sequence[str], *, hint: str = "") -> None:
        self.problems = tuple(dict.fromkeys(problems))  # several checks may find the same
        super().__init__("\n".join(self.problems), hint=hint)


class DataError(BarlowError):
    """Images or labels that cannot be had, read or used."""


class ResultsError(BarlowError):
    """A results folder or a file in it that cannot be written, read or trusted."""


class CellError(BarlowError):
    """A cell that cannot go on; it is recorded as failed and the grid goes on."""

    exit_code = 1


class InterruptError(BarlowError):
    """The run was stopped by a signal; what was finished is kept."""

    exit_code = 130


class LeaseLostError(BarlowError):
    """Another process has taken the cell over; nothing of this one's work on it counts any more."""


class CrowdedError(BarlowError):
    """There is no memory for a cell beside the others that are run; it waits until there is."""
