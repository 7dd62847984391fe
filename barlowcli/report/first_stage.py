"""What the first stages found and chose: sentences, and the table of what was tuned."""

from collections.abc import Mapping

from barlowcli.analysis.results import Results
from barlowcli.analysis.wording import listing, percent
from barlowcli.experiment.first_stage import SCREENING, TUNING
from barlowcli.plan.choosing import Candidate, Trial, trials
from barlowcli.plan.plan import assigned
from barlowcli.tables.reading import Reading, texts

TUNING_LEGEND = (
    "Validation accuracy (mean over the seeds of tuning) of every value that was tried. No test image has a say in it, "
    "and the seeds are not used again."
)


def first_stage_lines(results: Results) -> list[str]:
    """What was tuned and what was screened, a sentence or two each; none where there is no first stage."""
    return [*_tuned_lines(results), *_screened_lines(results)]


def tuning_table(results: Results) -> Reading | None:
    """A group a row: the values tried with their validation accuracies, and the choice; None where none was tuned."""
    found = trials(results.plan, results.first, TUNING)
    rows = [
        [_group(results, trial.group), _tried(trial), _chosen(results, trial), _edge(results, trial)] for trial in found
    ]
    return Reading(texts(["tuned apart", "tried", "chosen", "remarks"], rows), TUNING_LEGEND) if rows else None


def _tuned_lines(results: Results) -> list[str]:
    plan = results.plan
    found = trials(plan, results.first, TUNING)
    if not found:
        return []
    if TUNING in plan.open:
        return ["Tuning is not finished: arms whose settings are not chosen yet are not in this report."]
    seeds = len({cell.seed for cell in plan.first if cell.stage == TUNING})
    chosen = "; ".join(f"{_group(results, trial.group)}: {_chosen(results, trial)}" for trial in found)
    own = "1 seed that is" if seeds == 1 else f"{seeds} seeds that are"
    lines = [f"Tuned on validation images, on {own} not used again: {chosen}."]
    edges = [f"{_group(results, trial.group)}: {edge}" for trial in found if (edge := _edge(results, trial))]
    return [*lines, f"{'; '.join(edges)}. A better value may lie beyond."] if edges else lines


def _group(results: Results, group: Mapping[str, str]) -> str:
    return listing((results.value_name(axis, value) for axis, value in group.items()), limit=6) or "all arms"


def _tried(trial: Trial) -> str:
    return ", ".join(f"{assigned(candidate.tried)}: {_accuracy(candidate)}" for candidate in trial.candidates)


def _accuracy(candidate: Candidate) -> str:
    if candidate.accuracy is not None:
        return percent(candidate.accuracy)
    return "no number" if candidate.done else "not run"


def _chosen(results: Results, trial: Trial) -> str:
    choice = next((choice for choice in results.plan.tuned if choice.group == trial.group), None)
    return assigned(choice.settings) if choice is not None else "open"


def _edge(results: Results, trial: Trial) -> str:
    """ "training.lr=0.8 is at the edge of what was tried"; "" where no choice is."""
    tune = results.plan.experiment.tuned_under(results.plan.preset)
    choice = next((choice for choice in results.plan.tuned if choice.group == trial.group), None)
    edges = tune.edges(choice.settings) if tune is not None and choice is not None else []
    said = assigned({key: value for key, value in (choice.settings if choice else {}).items() if key in edges})
    return f"{said} {'is' if len(edges) == 1 else 'are'} at the edge of what was tried" if edges else ""


def _screened_lines(results: Results) -> list[str]:
    plan, screen = results.plan, results.plan.experiment.screen
    if screen is None:
        return []
    candidates = [c for trial in trials(plan, results.first, SCREENING) for c in trial.candidates]
    known = sorted(
        ((c.accuracy, str(c.tried[screen.axis])) for c in candidates if c.accuracy is not None), reverse=True
    )
    found = ", ".join(f"{results.value_name(screen.axis, name)} {percent(mean)}" for mean, name in known)
    if not plan.winner:
        return [f"The screening is not finished{f'; so far: {found}' if found else ''}."]
    return [
        f"Screened on {screen.seeds} seeds, validation accuracy, mean over all conditions: {found}. The winner, "
        f"{results.value_name(screen.axis, plan.winner)}, is judged on fresh seeds alone."
    ]
