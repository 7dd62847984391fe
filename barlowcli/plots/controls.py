"""The controls that stand in the plots beside the grid's arms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from barlowcli.analysis.results import PROBE, Arm, Records, group, probes_of, untrained_domains
from barlowcli.analysis.statistics import t_interval
from barlowcli.analysis.wording import SHUFFLE_WORDS, domain_name, method_name, probe_name
from barlowcli.plan.plan import Plan, PlannedCell


@dataclass(frozen=True)
class Control:
    """A control in one panel. probe: probe, space and domain of its metrics, less the label: "linear.h.pixels"."""

    name: str
    kind: Literal["untrained", "trained", "histogram"]
    arm: Arm
    probe: str
    shuffled: bool

    def values(self, records: Records, label: str) -> dict[int, float]:
        """Seed -> accuracy on `label`."""
        return self.arm.values(records, f"{self.probe}.{label}")

    def mean(self, records: Records, label: str) -> float:
        """Mean accuracy on `label` over its seeds."""
        return t_interval(list(self.values(records, label).values())).mean


def controls(plan: Plan, records: Records, domain: str) -> list[Control]:
    """Untrained and trained controls and the best histogram probe, those with records. domain: "own" or "none".

    An untrained encoder stands once for each domain that an arm of the grid is at home in.
    """
    arms = group(plan.cells)
    homes = {arm.trained_domain or "none" for arm in arms if not arm.control} if domain == "own" else {"none"}
    beside = [arm for arm in arms if arm.control]
    found = [_trained(arm, domain) for arm in beside if arm.trained_domain is not None]
    apart = [part for arm in beside for part in _by_domains(arm)]
    found += [_untrained(arm, home) for arm, home in untrained_domains(apart) if home in homes]
    found += _best_histogram(beside, records)
    return [control for control in found if control.values(records, "label")]


def _by_domains(arm: Arm) -> list[Arm]:
    """The arm in parts whose cells are probed alike: an untrained encoder is one arm whatever it is probed on."""
    cells: dict[tuple[str, ...], list[PlannedCell]] = {}
    for cell in arm.cells:
        cells.setdefault(cell.config.evaluation.domains, []).append(cell)
    return [replace(arm, cells=tuple(part)) for part in cells.values()]


def _trained(arm: Arm, domain: str) -> Control:
    home = arm.trained_domain or "none"
    method = method_name(arm.cells[0].config.method.name).removesuffix(" encoder")
    name = f"{method}, {SHUFFLE_WORDS.get(home, home)} views"
    return Control(name, "trained", arm, f"{PROBE}.{home if domain == 'own' else 'none'}", home != "none")


def _untrained(arm: Arm, home: str) -> Control:
    return Control(f"untrained, {domain_name(home)}", "untrained", arm, f"{PROBE}.{home}", home != "none")


def _best_histogram(arms: Sequence[Arm], records: Records) -> list[Control]:
    """The probe of raw histograms that is best on the main label."""
    found = [
        Control(f"histogram, {probe_name(probe.partition('.')[0])}", "histogram", arm, f"{probe}.none", shuffled=False)
        for arm in arms
        if not arm.cells[0].config.method.encodes
        for probe in probes_of(arm, records)
    ]
    known = [control for control in found if control.values(records, "label")]
    return sorted(known, key=lambda control: -control.mean(records, "label"))[:1]
