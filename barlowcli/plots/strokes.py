"""How the lines of a curve are told apart: by hue the method, by mark and shade what else varies."""

from collections.abc import Sequence
from dataclasses import dataclass

from barlowcli.analysis.lines import Line, lines
from barlowcli.analysis.results import Results
from barlowcli.experiment.axes import NOWHERE, AxisValue
from barlowcli.plots.style import HUES, INK, LINES, MARKERS, LineStyle


@dataclass(frozen=True)
class Strokes:
    """axis: that the lines are along; lines: all of the plot; hue: the axis that gives the hue; mark: the marker;
    shade: axes that give dark or light, and, where that is not enough, dashes. An axis that makes no difference to a
    line counts as at its first value."""

    axis: str
    lines: tuple[Line, ...]
    hue: str
    mark: str
    shade: tuple[str, ...]
    first: dict[str, AxisValue]

    def colour(self, line: Line) -> str:
        """Of a line and its seeds."""
        return HUES[self._place([self.hue], line) % len(HUES)][self._place(self.shade, line) % 2]

    def marker(self, line: Line) -> str:
        """Of its means."""
        return MARKERS[self._place([self.mark], line) % len(MARKERS)]

    def dash(self, line: Line) -> LineStyle:
        """Its line style."""
        return LINES[(self._place(self.shade, line) // 2 + self._place([self.hue], line) // len(HUES)) % len(LINES)]

    def of_method(self, method: str) -> tuple[str, str]:
        """Colour and marker of what is published of a method, its lines' where methods differ in them."""
        line = next(line for line in self.lines if line.method == method)
        colour = HUES[self._place([self.hue], line) % len(HUES)][0] if self.hue == "method" else INK
        return colour, self.marker(line) if self.mark == "method" else MARKERS[0]

    def _place(self, names: Sequence[str], line: Line) -> int:
        keys = list(dict.fromkeys(self._key(names, other) for other in self.lines))
        return keys.index(self._key(names, line))

    def _key(self, names: Sequence[str], line: Line) -> tuple[AxisValue, ...]:
        return tuple(line.at.get(name) or self.first.get(name, NOWHERE) for name in names)


def strokes(results: Results, axis: str) -> Strokes:
    """The look of a run's lines along `axis`.

    The hue is the method's where there are several, else the first axis'. With two more axes the first gives the mark
    and the rest the shade, with one it gives the shade.
    """
    along = tuple(lines(results, axis))
    names = list(along[0].at)
    hue = "method" if "method" in names else names[0] if names else ""
    others = [name for name in names if name != hue]
    mark, shade = (others[0], others[1:]) if len(others) > 1 else (hue, others)
    first = {name: AxisValue((results.plan.axes[name][0],)) for name in names}
    return Strokes(axis, along, hue, mark, tuple(shade), first)
