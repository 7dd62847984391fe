"""The first stage of a screened experiment: what its candidates reached, and which of them goes on."""

from collections.abc import Mapping

from barlowcli.errors import ResultsError
from barlowcli.experiment.model import SCREEN, STAGE
from barlowcli.plan.plan import Plan
from barlowcli.records.record import Record


def choose_winner(plan: Plan, records: Mapping[str, Record]) -> str:
    """The value of the screened axis that won the first stage; "" where that is not finished.

    Raises ResultsError where it is finished and no candidate has the number at every arm and seed: a candidate that
    failed or diverged cannot win.
    """
    screen = plan.experiment.screen
    first = [cell for cell in plan.cells if screen is not None and cell.axes[STAGE] == SCREEN]
    if screen is None or any(cell.id not in records for cell in first):
        return ""
    means = screening(plan, records)
    if not means:
        raise ResultsError("no candidate of the screening has its numbers", hint="--rerun failed runs them again")
    return max(means, key=lambda name: means[name])


def screening(plan: Plan, records: Mapping[str, Record]) -> dict[str, float]:
    """Candidate -> mean validation accuracy of the screen's probe over all its cells of the first stage, of those that
    have it in all. Test images have no say in the choice."""
    screen = plan.experiment.screen
    if screen is None:
        return {}
    found = {}
    for name in screen.candidates:
        cells = [c for c in plan.cells if c.axes[STAGE] == SCREEN and c.axes[screen.axis] == name]
        probed = [r.probes.get(screen.metric, {}) if (r := records.get(cell.id)) else {} for cell in cells]
        values = [probe.get("validation_accuracy") for probe in probed]
        known = [value for value in values if value is not None]
        if cells and len(known) == len(values):
            found[name] = sum(known) / len(known)
    return found
