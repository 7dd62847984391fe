"""How the arms stand in accuracy by arm: in one row, or where they are many in several, each with its name below it."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from barlowcli.analysis.results import Arm
from barlowcli.plots.scheme import Scheme

GROUP_SPACE = 0.7
"""Space between two groups, in columns."""
COLUMN_INCHES, MIN_INCHES, PANEL_INCHES, SPACE = 0.82, 4.2, 3.3, 0.32
"""Width of a column and of the whole, at least; height of a panel; space between two, as a share of it."""
LINE_CHARACTERS, CHARACTER_INCHES = 10, 0.08
"""Of the arms' names: characters a line, as far as words allow, and the width of one."""
LINE_POINTS = 14
"""Height of a line of the arms' names."""
MOST_COLUMNS = 16
"""Arms that stand in one row."""


@dataclass(frozen=True)
class Rows:
    """The grid's arms in rows; an arm takes a column."""

    look: Scheme
    rows: Sequence[Sequence[Arm]]

    def columns(self, row: Sequence[Arm]) -> list[float]:
        """Where each arm of a row stands, groups set apart."""
        groups = list(dict.fromkeys(self.look.group_of(arm) for arm in row))
        return [index + GROUP_SPACE * groups.index(self.look.group_of(arm)) for index, arm in enumerate(row)]

    def name(self, arm: Arm) -> str:
        """The arm in words, a line a part, long parts broken at their spaces."""
        look = self.look
        name = look.name(arm) if look.inner else look.group_name(look.group_of(arm))
        return "\n".join(
            line for part in name.split(", ") for line in textwrap.wrap(part, LINE_CHARACTERS, break_long_words=False)
        )

    @property
    def names(self) -> list[str]:
        """Of all arms."""
        return [self.name(arm) for arm in self.look.arms]

    @property
    def names_points(self) -> int:
        """Height of the longest name."""
        return LINE_POINTS * max(name.count("\n") + 1 for name in self.names)

    @property
    def width(self) -> float:
        """Of a panel, inches."""
        longest = max((len(line) for name in self.names for line in name.splitlines()), default=0)
        column = max(COLUMN_INCHES, CHARACTER_INCHES * longest)
        return max(MIN_INCHES, column * max(self.columns(row)[-1] + 1.3 for row in self.rows))

    def panels(self, domains: int) -> tuple[Figure, list[Axes]]:
        """A figure with a panel a domain and row, below one another, with room for names below each row."""
        count, several = domains * len(self.rows), len(self.rows) > 1
        extra = (self.names_points - 10) / 72 if several else 0.0
        figure = Figure(figsize=(self.width, PANEL_INCHES * count + extra * (count - 1)))
        height = PANEL_INCHES * count / (count + SPACE * (count - 1))
        edges = {"left": 0, "right": 1, "bottom": 0, "top": 1, "hspace": SPACE + extra / height}
        return figure, list(figure.subplots(count, 1, squeeze=False, sharex=not several, gridspec_kw=edges)[:, 0])


def rows_of(look: Scheme) -> Rows:
    """All arms in one row, or where they are many a group a row, a long one cut evenly."""
    if len(look.arms) <= MOST_COLUMNS:
        return Rows(look, [look.arms])
    rows = []
    for name in look.groups:
        members = [arm for arm in look.arms if look.group_of(arm) == name]
        size = math.ceil(len(members) / math.ceil(len(members) / MOST_COLUMNS))
        rows += [members[start : start + size] for start in range(0, len(members), size)]
    return Rows(look, rows)
