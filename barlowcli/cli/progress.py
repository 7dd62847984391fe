"""What a run shows while it goes on: a live table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from barlowcli.engines.base import Event
from barlowcli.plan.plan import PlannedCell

UNTRAINED_WEIGHT = 0.2
"""Work of a cell without training, as a share of one with; only the time left is estimated by it."""


def label(cell: PlannedCell) -> str:
    """A cell in a few words, for example "barlow, pixels, jitter off, seed 2"."""
    return f"{cell.label(plain=('method', 'shuffle'))}, seed {cell.seed}"


def duration(seconds: float) -> str:
    """Seconds as a person writes them: "8 s", "3:05 min", "2:10 h"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


class Work:
    """How much of a run is done, and from that the time left."""

    def __init__(self, cells: Sequence[PlannedCell]) -> None:
        self.weights = {cell.id: 1.0 if cell.config.training else UNTRAINED_WEIGHT for cell in cells}
        self.shares = dict.fromkeys(self.weights, 0.0)
        self.finished = 0
        self.failed = 0
        self.start = time.monotonic()

    def note(self, event: Event) -> None:
        """Take an event into account."""
        if event.kind == "progress":
            self.shares[event.cell] = 0.9 * event.step / event.total  # the rest is evaluation
        elif event.kind == "done":
            self.shares[event.cell] = 1.0
            self.finished += 1
            self.failed += event.status == "failed"

    def left(self) -> str:
        """Time left in words, from the pace so far."""
        total = sum(self.weights.values())
        share = sum(self.weights[cell] * self.shares[cell] for cell in self.weights) / total
        elapsed = time.monotonic() - self.start
        if share < 0.01 or elapsed < 3:
            return "estimating time left"
        return f"about {duration(elapsed * (1 - share) / share)} left"


class Lines:
    """One plain line a finished cell."""

    def __init__(self, cells: Sequence[PlannedCell], console: Console) -> None:
        self.cells = {cell.id: cell for cell in cells}
        self.work = Work(cells)
        self.console = console
        self.slower: dict[str, str] = {}
        self.told: set[str] = set()

    def __enter__(self) -> "Lines":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, event: Event) -> None:
        """Show an event."""
        self.work.note(event)
        if event.kind == "done":
            self.say(self.line(event))
        else:
            self.hear(event)

    def hear(self, event: Event) -> None:
        """What is said of a run whether there are bars or not; why steps are slow, once for all cells."""
        if event.kind in ("stopping", "crowded"):
            self.say(event.message)
        if event.kind == "slower":
            self.slower[event.cell] = event.way
            alike = "".join(letter for letter in event.message if not letter.isdigit())
            if alike not in self.told:
                self.told.add(alike)
                self.say(event.message)

    def say(self, line: str) -> None:
        """Print a line as it is."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def line(self, event: Event) -> str:
        """What is said of a finished cell."""
        count = f"[{self.work.finished:>{len(str(len(self.cells)))}}/{len(self.cells)}]"
        outcome = "" if event.status == "ok" else f"  {event.status.upper()}: {event.message}"
        took = f"  {event.seconds:.1f} s" if event.seconds else ""
        took += f", {self.slower[event.cell]} steps" if took and event.cell in self.slower else ""
        took = "  by another process" if event.elsewhere else took
        left = f"  ({self.work.left()})" if self.work.finished < len(self.cells) else ""
        return f"{count} {label(self.cells[event.cell])}{took}{outcome}{left}"


class Live(Lines):
    """A bar for the grid and one for every cell under way; cells that went wrong stay above as lines."""

    def __init__(self, cells: Sequence[PlannedCell], console: Console) -> None:
        super().__init__(cells, console)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            transient=True,
        )
        self.grid = self.progress.add_task("[bold]cells", total=len(cells), note="")
        self.tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Live":
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def show(self, event: Event) -> None:
        """Show an event."""
        self.work.note(event)
        if event.kind == "started":
            text = escape(label(self.cells[event.cell]))
            self.tasks[event.cell] = self.progress.add_task(text, total=None, note="steps")
        elif event.kind == "progress":
            steps = f"{self.slower[event.cell]} steps" if event.cell in self.slower else "steps"
            note = "evaluating" if event.step == event.total else steps
            self.progress.update(self.tasks[event.cell], completed=event.step, total=event.total, note=note)
        elif event.kind in ("done", "stopped", "lost", "crowded"):
            if event.cell in self.tasks:  # a worker can die before it said that it started
                self.progress.remove_task(self.tasks.pop(event.cell))
            if event.kind == "done" and event.status != "ok":
                self.say(self.line(event))
        self.hear(event)
        self.progress.update(self.grid, completed=self.work.finished, note=self.work.left())


def reporter(cells: Sequence[PlannedCell], console: Console, *, quiet: bool) -> Lines:
    """Live bars on a terminal, lines elsewhere; nothing where `quiet`."""
    if quiet:
        return Lines(cells, Console(quiet=True))
    return Live(cells, console) if console.is_terminal else Lines(cells, console)
