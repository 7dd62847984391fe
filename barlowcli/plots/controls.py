"""The controls that stand in the plots beside the grid's arms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from barlowcli.analysis.results import LABEL, PROBE, Arm, Results, shuffle_axes, untrained_domains
from barlowcli.analysis.statistics import t_interval
from barlowcli.analysis.wording import domain_name, method_name, probe_name, shuffle_name
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.metrics import INTACT, OWN, Metric


@dataclass(frozen=True)
class PanelControl:
    """A control in one panel. probe: probe, space and domain of its metrics, less the label."""

    name: str
    kind: Literal["untrained", "trained", "histogram"]
    arm: Arm
    probe: Metric
    shuffled: bool

    def values(self, label: str = LABEL) -> dict[int, float]:
        """Seed -> accuracy on `label`."""
        return self.arm.values(replace(self.probe, label=label))

    @property
    def mean(self) -> float:
        """Mean accuracy on the main label over its seeds."""
        return t_interval(list(self.values().values())).mean


def controls(results: Results, domain: str) -> list[PanelControl]:
    """Untrained and trained controls and the best histogram probe, those with records. domain: `OWN` or `INTACT`.

    An untrained encoder stands once for each domain that an arm of the grid is at home in.
    """
    homes = {arm.home for arm in results.grid} if domain == OWN else {INTACT}
    beside = results.controls
    found = [_trained(arm, domain) for arm in beside if arm.trained_domain is not None]
    apart = [part for arm in beside for part in _by_domains(arm)]
    untrained = untrained_domains(apart, shuffle_axes(results.plan))
    found += [_untrained(arm, home) for arm, home in untrained if home in homes]
    found += _best_histogram(beside)
    return [control for control in found if control.values()]


def _by_domains(arm: Arm) -> list[Arm]:
    """The arm in parts whose cells are probed alike: an untrained encoder is one arm whatever it is probed on."""
    cells: dict[tuple[str, ...], list[PlannedCell]] = {}
    for cell in arm.cells:
        cells.setdefault(cell.config.evaluation.domains, []).append(cell)
    return [replace(arm, cells=tuple(part)) for part in cells.values()]


def _trained(arm: Arm, domain: str) -> PanelControl:
    method = method_name(arm.method.name).removesuffix(" encoder")
    name = f"{method}, {shuffle_name(arm.home)} views"
    return PanelControl(name, "trained", arm, PROBE.within(arm.home if domain == OWN else INTACT), arm.shuffled)


def _untrained(arm: Arm, home: str) -> PanelControl:
    return PanelControl(f"untrained, {domain_name(home)}", "untrained", arm, PROBE.within(home), home != INTACT)


def _best_histogram(arms: Sequence[Arm]) -> list[PanelControl]:
    """The probe of raw histograms that is best on the main label."""
    found = [
        PanelControl(f"histogram, {probe_name(probe.probe)}", "histogram", arm, probe.within(INTACT), shuffled=False)
        for arm in arms
        if not arm.method.encodes
        for probe in arm.probes
    ]
    return sorted((control for control in found if control.values()), key=lambda control: -control.mean)[:1]
