"""Standard output and standard error as commands write to them: streams that end no command.

A sign that the terminal's encoding does not have is spelled in others. A reader that is gone (`barlow ls | head -3`), a
disk that is full and a stream that is closed are noted: what is written after that is lost, and the command goes on.
"""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO, cast

SPELLED = {
    "…": "...",
    "λ": "lambda",
    "±": "+/-",
    "²": "^2",
    "×": "x",
    "·": ".",
    "•": "*",
    "“": '"',
    "”": '"',
    "„": '"',
    "‘": "'",
    "’": "'",
    "–": "-",
    "—": "-",
    "−": "-",
    "━": "-",
    "─": "-",
    "╸": "-",
    "╺": "-",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "µ": "u",
    "μ": "u",
    "\xa0": " ",
}
"""Signs that barlow and its bars write, in ASCII. Any other, as in a file's name, becomes an escape: that is exact."""


def spelled(text: str, encoding: str) -> str:
    """`text` with what `encoding` does not have in other signs."""
    if text.isascii() or _has(encoding, text):
        return text
    return "".join(c if _has(encoding, c) else SPELLED.get(c) or ascii(c)[1:-1] for c in text)


def _has(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


class Stream(io.TextIOBase):
    """A standard stream. refused: why it could not be written to, once it could not. kept: where all that is said is
    too, so that nothing is lost with it."""

    encoding = "utf-8"

    def __init__(self, stream: TextIO | None) -> None:
        """stream: None where it was closed before the command began."""
        self.stream = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"
        self.refused: OSError | None = None
        self.kept = ""

    def write(self, text: str) -> int:
        """Write, or lose the text."""
        if not isinstance(text, str):
            raise TypeError(f"a standard stream takes text, not {type(text).__name__}")
        try:
            self._open().write(spelled(text, self.encoding))
        except OSError as error:
            self._refuse(error)
        return len(text)

    def flush(self) -> None:
        """Send on what was written, or lose it."""
        if self.stream is None:
            return
        try:
            self._open().flush()
        except OSError as error:
            self._refuse(error)

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return self.stream is not None and self.stream.isatty()

    def fileno(self) -> int:
        """Its number; raises OSError where it is closed."""
        return self._open().fileno()

    def writable(self) -> bool:
        """Always: what cannot be written is lost."""
        return True

    def _open(self) -> TextIO:
        if self.stream is None:
            raise OSError(errno.EBADF, "it is closed")
        return self.stream

    def _refuse(self, error: OSError) -> None:
        """Note the reason, and let what is left in the buffers go nowhere: Python would try once more at its end."""
        self.refused = self.refused or error
        with contextlib.suppress(OSError):
            number = self.fileno()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)


@contextlib.contextmanager
def standing() -> Iterator[Stream]:
    """While it is entered both standard streams are a `Stream`; gives standard output."""
    occupy()
    before = sys.stdout, sys.stderr
    streams = Stream(sys.stdout), Stream(sys.stderr)
    sys.stdout, sys.stderr = (cast(TextIO, stream) for stream in streams)
    try:
        yield streams[0]
    finally:
        for stream in streams:
            stream.flush()
        sys.stdout, sys.stderr = before


def occupy() -> None:
    """Open the null device in place of standard files that are closed, or the next file to be opened would get the
    number of one, and with it every word that a library prints."""
    with contextlib.suppress(OSError):
        while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(number, True)
        os.close(number)
