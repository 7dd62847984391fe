"""The cells of the first stages, and which settings an arm of the later ones has from them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from barlowcli.experiment.first_stage import FIRST_SEEDS, SCREENING, TUNING, Tune
from barlowcli.plan.arms import Maker, PlannedArm
from barlowcli.plan.layers import NOTHING
from barlowcli.plan.plan import Choice, PlannedCell, TrialCell

VALIDATION_ALONE = {"evaluation.test": False}
"""Of every cell of a first stage: no test image has a say in a choice."""


@dataclass(frozen=True)
class Tuned:
    """The stage of tuning under a plan. cells: its cells; choices: what was chosen, of the groups that are decided."""

    tune: Tune | None
    cells: tuple[TrialCell, ...] = ()
    choices: tuple[Choice, ...] = ()

    def settings(self, arm: Mapping[str, str]) -> Mapping[str, Any] | None:
        """What an arm is run with; empty where there is nothing to choose for it, None where that is not decided."""
        if self.tune is None:
            return NOTHING
        group = group_of(self.tune, arm)
        chosen = next((choice.settings for choice in self.choices if choice.group == group), None)
        waits = any(cell.group == group for cell in self.cells)
        return chosen if waits else NOTHING


def group_of(tune: Tune, arm: Mapping[str, str]) -> dict[str, str]:
    """The group of arms that an arm is tuned with."""
    return {name: arm[name] for name in tune.per if name in arm}


def plan_tuning(tune: Tune | None, arms: Iterable[PlannedArm], choices: Sequence[Choice], make: Maker) -> Tuned:
    """The cells of the tuning of these arms; a group to which the settings make no difference has none."""
    if tune is None:
        return Tuned(None)
    first = FIRST_SEEDS[TUNING]
    seeds = range(first, first + tune.seeds)
    groups: dict[tuple[tuple[str, str], ...], PlannedArm] = {}
    for arm in arms:
        group = group_of(tune, arm.axes)
        at = {name: tune.at.get(name, make.axes[name].names()[0]) for name in arm.axes}
        groups.setdefault(tuple(group.items()), PlannedArm(at | group, seeds, arm.control))
    found = [cell for group, arm in groups.items() for cell in _tuning_cells(tune, dict(group), arm, make)]
    known = [cell.group for cell in found]
    return Tuned(tune, tuple(found), tuple(choice for choice in choices if choice.group in known))


def _tuning_cells(tune: Tune, group: dict[str, str], arm: PlannedArm, make: Maker) -> list[TrialCell]:
    tried: dict[tuple[str, ...], tuple[dict[str, Any], list[PlannedCell]]] = {}
    for candidate in tune.candidates:
        cells = make.cells(arm, candidate | VALIDATION_ALONE)
        tried.setdefault(tuple(cell.id for cell in cells), (candidate, cells))  # what has no effect is tried once
    if len(tried) < 2:
        return []
    return [_trial(cell, TUNING, group, candidate) for candidate, cells in tried.values() for cell in cells]


def plan_screening(axis: str, arms: Sequence[PlannedArm], tuned: Tuned, make: Maker) -> tuple[TrialCell, ...]:
    """The cells of the screening of `axis`; none as long as an arm of it is not tuned."""
    settings = [tuned.settings(arm.axes) for arm in arms]
    if None in settings:
        return ()
    return tuple(
        _trial(cell, SCREENING, {}, {axis: arm.axes[axis]})
        for arm, chosen in zip(arms, settings, strict=True)
        for cell in make.cells(arm, {**(chosen or {}), **VALIDATION_ALONE})
    )


def _trial(cell: PlannedCell, stage: str, group: dict[str, str], candidate: dict[str, Any]) -> TrialCell:
    return TrialCell.model_validate({**dict(cell), "stage": stage, "group": group, "candidate": candidate})
