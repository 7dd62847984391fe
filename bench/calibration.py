"""How often the real judge is wrong, and how often it sees what is there, on records of known truth.

    python -m bench.calibration --out /tmp/after.json            about 30 minutes on one core
    python -m bench.calibration --reports 50 --only errors
    python -m bench.calibration --table /tmp/before.json /tmp/after.json > bench/results/calibration.md

Accuracies are Gaussian over seeds with a standard deviation of one point, arms independent. What is true is what the
judge says of the same records without noise: where that is neither word (no effect, or exactly at the bound), either
word is wrong; else the opposite one is. All parts but `shipped` draw reports of `known_truth.py`, four independent
verdicts of each kind in one; `shipped` draws the quick presets of the experiments that come with barlow, with all
trained arms equal. The rows of an older tree are made by these same files laid over a checkout of it.
"""

import argparse
import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from barlowcli.errors import ConfigError
from barlowcli.experiment.claims import Claim
from barlowcli.experiment.files import experiment_names, load_experiment
from barlowcli.experiment.model import Experiment
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.verdicts import Verdict
from bench.calibration_table import markdown
from bench.guards import guards
from bench.known_truth import (
    SLOPES,
    World,
    drawn_reports,
    family_claims,
    plan_of,
    single_claims,
    slope_claims,
)

SEEDS = (3, 5, 10)
POOLS = "variance" in Experiment.model_fields
SLOPED = "along" in Claim.model_fields
VARIANCES = ("paired", "pooled") if POOLS else ("paired",)
Row = dict[str, Any]


def main() -> int:
    """Run the parts asked for and write their rows, or print the table of two such files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=500, help="of each setting")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--out", type=Path, help="write the rows here as JSON")
    parser.add_argument("--table", nargs=2, type=Path, metavar=("BEFORE", "AFTER"), help="print both as Markdown")
    arguments = parser.parse_args()
    if arguments.table:
        print(markdown(*(json.loads(path.read_text("utf-8")) for path in arguments.table)))
        return 0
    rows: list[Row] = []
    for part in arguments.only:
        for row in PARTS[part](arguments.reports):
            rows.append({"part": part, **row})
            print(" ".join(f"{name}={value}" for name, value in rows[-1].items()), flush=True)
            if arguments.out is not None:
                arguments.out.write_text(json.dumps({**about(arguments), "rows": rows}, indent=1), "utf-8")
    return 0


def about(arguments: argparse.Namespace) -> Row:
    """Which tree the rows are of, and how they were made."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    options = f"--reports {arguments.reports}"
    return {
        "commit": commit.stdout.strip(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python -m bench.calibration {options}",
        "python": sys.version.split()[0],
    }


def tally(plan: Plan, world: World, reports: int, **setting: Any) -> Iterator[Row]:
    """A row for every kind of claim: how often each word was given, and how often a wrong one."""
    yield from _rows(drawn(plan, world.mean, world.deviation, reports), truth_of(plan, world.mean), setting)


def drawn(
    plan: Plan,
    mean: Callable[[PlannedCell], float],
    deviation: Callable[[PlannedCell], float],
    reports: int,
    **more: Any,
) -> Iterator[list[Verdict]]:
    """Reports with noise: the same for both variances, another for other claims."""
    return drawn_reports(plan, mean, deviation, reports, seed=int(plan.hash, 16), **more)


def truth_of(plan: Plan, mean: Callable[[PlannedCell], float], **more: Any) -> list[str]:
    """The words of a report without noise, in the order of its verdicts."""
    return [word_of(verdict) for verdict in next(drawn_reports(plan, mean, lambda cell: 0.0, 1, **more))]


def word_of(verdict: Verdict) -> str:
    """ "supported", "refuted", or another that decides nothing."""
    return verdict.word.removesuffix(" by collapse")


def wrong(word: str, truth: str) -> bool:
    """Whether a claim was decided, and not as it is."""
    return word in ("supported", "refuted") and word != truth


def _rows(found: Iterable[list[Verdict]], truth: Sequence[str], setting: Row) -> Iterator[Row]:
    words: dict[str, Counter[str]] = {}
    reports = any_wrong = any_primary = 0
    for verdicts in found:
        errors = [wrong(word_of(v), true) for v, true in zip(verdicts, truth, strict=True)]
        reports, any_wrong = reports + 1, any_wrong + any(errors)
        any_primary += any(e and getattr(v, "primary", False) for v, e in zip(verdicts, errors, strict=True))
        for verdict, error in zip(verdicts, errors, strict=True):
            counts = words.setdefault(verdict.claim.title, Counter())
            counts.update([word_of(verdict), *(["wrong"] if error else []), "verdicts"])
    for kind, counts in words.items():
        yield {**setting, "kind": kind, **counts}
    yield {
        **setting,
        "kind": "any wrong in a report",
        "wrong": any_wrong,
        "wrong primary": any_primary,
        "verdicts": reports,
    }


def errors(reports: int) -> Iterator[Row]:
    """No effect, or an effect exactly at the bound; and the same where the arms compared scatter 2.8 times as much."""
    for variance in VARIANCES:
        for name, world in (
            ("as the rest", World()),
            ("2.8 times the rest", World(scatter={"arm": 2.8, "full": 2.8})),
        ):
            for n in SEEDS:
                plan = plan_of(single_claims(), n, variance=variance)
                yield from tally(plan, world, reports, n=n, variance=variance, scatter=name)


def slopes(reports: int) -> Iterator[Row]:
    """Slopes of nothing, equal ones, and one at the bound."""
    for variance in VARIANCES if SLOPED else ():
        for n in SEEDS:
            plan = plan_of(slope_claims(), n, variance=variance)
            yield from tally(plan, World(slopes=SLOPES, untrained=0.2), reports, n=n, variance=variance)


def unlearned(reports: int) -> Iterator[Row]:
    """The arm has five points more than the full model, and an untrained encoder five more than all trained ones."""
    for n in SEEDS:
        plan = plan_of(single_claims(), n)
        yield from tally(plan, World(gain=0.05, untrained=0.80), reports // 5, n=n)


def families(reports: int) -> Iterator[Row]:
    """Three primary claims of four cases each, none with an effect."""
    for variance in VARIANCES:
        for n in SEEDS:
            plan = plan_of(family_claims(), n, variance=variance)
            yield from tally(plan, World(), reports, n=n, variance=variance)


def power(reports: int) -> Iterator[Row]:
    """An effect of 1, 2 or 3 standard deviations of the contrast over seeds, one claim, and one of four cases."""
    for variance in VARIANCES:
        for test, terms in (("above", 2), ("interaction", 4)):
            for n in SEEDS:
                for size in (1, 2, 3):
                    world = World(gain=size * math.sqrt(terms) * World().sd)
                    for family, claims in (("one", single_claims()), ("four cases", family_claims())):
                        chosen = [_exploratory(one) for one in claims if one.title == test]
                        plan = plan_of(chosen, n, variance=variance)
                        setting = {"n": n, "variance": variance, "effect": size, "family": family}
                        yield from tally(plan, world, reports // 2, **setting)


def _exploratory(claim: Claim) -> Claim:
    return claim.model_copy(update={"primary": None}) if "primary" in Claim.model_fields else claim


def shipped(reports: int) -> Iterator[Row]:
    """All trained arms equal, in every quick preset."""
    for name in experiment_names():
        for n in SEEDS:
            try:
                plan = build_plan(load_experiment(name), "quick", Overrides(seeds=n), on_cuda=False)
            except ConfigError as error:
                print(f"{name}: {error}", file=sys.stderr)
                continue
            metrics = _metrics_of(plan)
            truth = truth_of(plan, _equal, metrics=metrics)
            found = drawn(plan, _equal, lambda cell: 0.0 if _fixed(cell) else 0.01, reports // 2, metrics=metrics)
            yield from _rows(found, truth, {"n": n, "experiment": name})


def _equal(cell: PlannedCell) -> float:
    method = cell.config.method
    return 0.6 if method.trains else 0.3 if method.encodes else 0.25


def _fixed(cell: PlannedCell) -> bool:
    """Whether it is a control with one number for every seed."""
    return not cell.config.method.encodes


def _metrics_of(plan: Plan) -> Callable[[PlannedCell], Sequence[str]]:
    """What the claims of the plan ask of any cell, in each of its domains."""
    text = json.dumps([claim.model_dump(mode="json") for claim in plan.experiment.claims])
    named: set[str] = set()
    for claim in plan.experiment.claims:
        named.add(claim.metric)
    named |= {part for part in text.split('"') if part.count(".") >= 2 and " " not in part}

    def metrics(cell: PlannedCell) -> Sequence[str]:
        domains = cell.config.evaluation.domains
        return sorted({name.replace("{domain}", domain) for name in named for domain in domains})

    return metrics


PARTS: dict[str, Callable[[int], Iterator[Row]]] = {
    "errors": errors,
    "slopes": slopes,
    "unlearned": unlearned,
    "families": families,
    "power": power,
    "shipped": shipped,
    "guards": guards,
}

if __name__ == "__main__":
    sys.exit(main())
