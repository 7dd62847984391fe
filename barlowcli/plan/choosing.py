"""What the first stages found: the validation accuracy of each candidate, and which one goes on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from barlowcli.errors import ResultsError
from barlowcli.experiment.first_stage import SCREENING, TUNING
from barlowcli.plan.plan import Choice, Plan, TrialCell, assigned
from barlowcli.records.record import Record


@dataclass(frozen=True)
class Candidate:
    """What was tried for a group. accuracy: the mean over all its cells, in [0, 1]; None where one lacks it: it was not
    run, failed or diverged. done: whether all its cells have a record."""

    tried: Mapping[str, Any]
    accuracy: float | None
    done: bool


@dataclass(frozen=True)
class Trial:
    """A choice of a first stage: for which arms, among what; the smaller candidate first."""

    stage: str
    group: Mapping[str, str]
    candidates: tuple[Candidate, ...]

    @property
    def done(self) -> bool:
        """Whether all cells were run."""
        return all(candidate.done for candidate in self.candidates)

    @property
    def best(self) -> Candidate | None:
        """That of the highest accuracy, of equal ones the first; None where none has one."""
        known = [(candidate.accuracy, candidate) for candidate in self.candidates if candidate.accuracy is not None]
        return max(known, key=lambda pair: pair[0])[1] if known else None


def trials(plan: Plan, records: Mapping[str, Record], stage: str) -> list[Trial]:
    """The choices of one first stage, in the plan's order. Test images have no say in them."""
    groups: dict[str, dict[str, list[TrialCell]]] = {}
    for cell in plan.first:
        if cell.stage == stage:
            tried = json.dumps(cell.candidate, default=str)
            groups.setdefault(json.dumps(cell.group), {}).setdefault(tried, []).append(cell)
    metric = metric_of(plan, stage)
    return [
        Trial(stage, json.loads(group), tuple(_candidate(cells, records, metric) for cells in tried.values()))
        for group, tried in groups.items()
    ]


def choose(plan: Plan, records: Mapping[str, Record]) -> tuple[tuple[Choice, ...], str]:
    """The settings chosen for each group, and the winner of the screening, as far as their stages are finished.

    Raises ResultsError where one is finished and no candidate has the number at every arm and seed: a candidate that
    failed or diverged cannot be chosen.
    """
    tuned = [(trial, _best(trial)) for trial in trials(plan, records, TUNING) if trial.done]
    won = [_best(trial) for trial in trials(plan, records, SCREENING) if trial.done]
    choices = tuple(Choice(group=dict(trial.group), settings=dict(best.tried)) for trial, best in tuned)
    return choices, next((str(value) for best in won for value in best.tried.values()), "")


def _best(trial: Trial) -> Candidate:
    if trial.best is None:
        tried = "; ".join(assigned(candidate.tried) for candidate in trial.candidates)
        where = f" of {assigned(trial.group)}" if trial.group else ""
        raise ResultsError(
            f"no candidate of the {trial.stage}{where} has its numbers: {tried}", hint="--rerun failed runs them again"
        )
    return trial.best


def metric_of(plan: Plan, stage: str) -> str:
    """The probe that decides a first stage."""
    of = plan.experiment.screen if stage == SCREENING else plan.experiment.tuned_under(plan.preset)
    return of.metric if of is not None else ""


def validation_accuracy(record: Record | None, metric: str) -> float | None:
    """Of a probe, on validation images, in [0, 1]; None where there is no such number."""
    value = record.probes.get(metric, {}).get("validation_accuracy") if record is not None else None
    return float(value) if value is not None else None


def _candidate(cells: list[TrialCell], records: Mapping[str, Record], metric: str) -> Candidate:
    found = [records.get(cell.id) for cell in cells]
    known = [value for record in found if (value := validation_accuracy(record, metric)) is not None]
    accuracy = sum(known) / len(known) if len(known) == len(cells) else None
    return Candidate(cells[0].candidate, accuracy, done=None not in found)
