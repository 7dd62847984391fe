"""How the grid's arms are told apart: colours by arm, marks by method, the same in every plot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib import colormaps
from matplotlib.colors import to_hex

from barlowcli.analysis.results import Arm, Results
from barlowcli.experiment.axes import AxisValue
from barlowcli.plots.style import HUES, INK, LINES, MARKERS, LineStyle

FLAT = tuple(dark for dark, _ in HUES) + tuple(light for _, light in HUES)
"""The hues' colours one by one, where there are more hues than pairs and nothing else varies."""
SEQUENCE, SEQUENCE_END = "viridis", 0.92
"""A colour map for more hues than pairs, and how far it is used: its end is too pale for lines on white."""
MOST_NAMES = 12
"""Arms that a legend names one by one; of more it names the parts."""


@dataclass(frozen=True)
class Scheme:
    """Which axis makes groups (methods, where there are several) and which make the arms of a group.

    arms: the grid's, group by group. Colours: one hue a value of the axis inside a group that has most, dark and light
    by the rest; with many hues the rest gives the dashes alone. An axis that makes no difference to an arm counts as at
    its first value.
    """

    results: Results
    lead: str
    inner: tuple[str, ...]
    choices: Mapping[str, Sequence[str]]
    arms: tuple[Arm, ...]

    def group_of(self, arm: Arm) -> str:
        """The value of the leading axis, "" where nothing leads."""
        return str(arm.at[self.lead]) if self.lead else ""

    def group_name(self, group: str) -> str:
        """A group in words; "" where nothing leads."""
        return self.results.value_name(self.lead, AxisValue.read(group)) if self.lead else ""

    @property
    def groups(self) -> list[str]:
        """Groups in order."""
        return list(dict.fromkeys(self.group_of(arm) for arm in self.arms))

    @property
    def hue_axis(self) -> str:
        """The axis inside a group with most values, of several the first; "" without any."""
        return max(self.inner, key=lambda name: len(self.choices[name]), default="")

    @property
    def hues(self) -> list[str]:
        """Values of the axis that gives the hue."""
        return list(self.choices[self.hue_axis]) if self.inner else [""]

    @property
    def shades(self) -> list[tuple[AxisValue, ...]]:
        """Settings of the other axes inside a group, in their order."""
        found = {self._rest(arm) for arm in self.arms}
        known = [list(self.choices[name]) for name in self._others]
        texts = {key: [str(value) for value in key] for key in found}
        return sorted(
            found, key=lambda key: [v.index(x) if x in v else -1 for v, x in zip(known, texts[key], strict=True)]
        )

    def key(self, arm: Arm) -> tuple[AxisValue, ...]:
        """What tells the arms of a group apart."""
        return tuple(arm.at[name] for name in self.inner)

    def name(self, arm: Arm) -> str:
        """The arm in words, without its group."""
        return self.results.arm_name(arm.at, self.inner)

    @property
    def _others(self) -> list[str]:
        return [name for name in self.inner if name != self.hue_axis]

    def _rest(self, arm: Arm) -> tuple[AxisValue, ...]:
        return tuple(arm.at[name] or AxisValue((self.choices[name][0],)) for name in self._others)

    def _place(self, arm: Arm) -> tuple[int, int]:
        """Index of the hue, and of the shade within it."""
        hues, shades = self.hues, self.shades
        hue, rest = str(arm.at[self.hue_axis]) if self.hue_axis else "", self._rest(arm)
        return (hues.index(hue) if hue in hues else 0), (shades.index(rest) if rest in shades else 0)

    def colour(self, arm: Arm) -> str:
        """Of an arm, the same in every group and plot."""
        return self._colour(*self._place(arm))

    def line(self, arm: Arm) -> LineStyle:
        """Line style: another one where two shades are not enough."""
        return self._line(*self._place(arm))

    def marker(self, arm: Arm) -> str:
        """By group; without groups another one where the colours are used up."""
        groups = self.groups
        if not self.lead:
            return MARKERS[self._place(arm)[0] // len(FLAT) % len(MARKERS)]
        return MARKERS[groups.index(self.group_of(arm)) % len(MARKERS)] if self.group_of(arm) in groups else "X"

    def _colour(self, hue: int, shade: int) -> str:
        if len(self.hues) <= len(HUES):
            return HUES[hue][shade % 2]
        if len(self.shades) == 1:
            return FLAT[hue % len(FLAT)]
        return to_hex(colormaps[SEQUENCE](SEQUENCE_END * hue / (len(self.hues) - 1)))

    def _line(self, hue: int, shade: int) -> LineStyle:
        if len(self.hues) <= len(HUES):
            return LINES[shade // 2 % len(LINES)]
        return LINES[(hue // len(FLAT) if len(self.shades) == 1 else shade) % len(LINES)]

    def hue_legend(self) -> dict[str, str]:
        """Hue in words -> its colour."""
        return {
            self.results.value_name(self.hue_axis, name) if name else "": self._colour(hue, 0)
            for hue, name in enumerate(self.hues)
        }

    def shade_legend(self) -> dict[str, tuple[str, LineStyle]]:
        """Shade in words -> (grey, line style); empty where there is but one."""
        shades = self.shades if len(self.shades) > 1 else []
        greys = [HUES[-1][shade % 2] if len(self.hues) <= len(HUES) else INK for shade in range(len(shades))]
        names = [self.results.arm_name(dict(zip(self._others, key, strict=True)), self._others) for key in shades]
        return {name: (greys[shade], self._line(0, shade)) for shade, name in enumerate(names)}


def scheme(results: Results) -> Scheme:
    """Methods lead where there are several, else no axis does."""
    choices = {name: values for name, values in results.plan.axes.items() if len(values) > 1}
    lead = "method" if "method" in choices else ""
    arms = list(results.grid)
    if lead:
        arms.sort(key=lambda arm: list(choices[lead]).index(str(arm.at[lead])))
    return Scheme(results, lead, tuple(name for name in choices if name != lead), choices, tuple(arms))
