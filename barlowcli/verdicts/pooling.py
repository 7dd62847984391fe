"""The numbers of a side as a test takes them, and the residual variance of all arms for its pooled form."""

from collections.abc import Mapping, Sequence

from barlowcli.analysis.results import Records, Results
from barlowcli.analysis.statistics import Pool, pool
from barlowcli.verdicts.contrasts import Sample
from barlowcli.verdicts.sides import AnySide, Side


def sample_of(side: AnySide, values: Mapping[int, float], records: Records) -> Sample:
    """The values of a side by seed. A control whose one number stands for every seed does not vary."""
    constant = side.control and len(set(values.values())) == 1
    spread = 0.0 if constant else sum(weight**2 for weight, _ in side.levels)
    if isinstance(side, Side):
        return Sample(values, side.key, spread)
    levels = [(weight, level.key, level.values(records)) for weight, level in side.levels]
    parts = [(weight, Sample({seed: found[seed] for seed in values}, key)) for weight, key, found in levels]
    return Sample(values, side.key, spread, tuple(parts))


def pool_of(results: Results, sides: Sequence[AnySide]) -> Pool | None:
    """The residual variance of these sides and of all arms measured as the first of them is; None where the experiment
    declares paired tests.

    Arms of which a cell collapsed scatter in another way; they count only where they are among the sides.
    """
    if results.plan.experiment.variance != "pooled":
        return None
    levels = [level for side in sides for _, level in side.levels]
    found: dict[object, list[float]] = {}
    for level in levels:
        used = frozenset(record.id for record in level.records(results.records))
        found[used, level.metric] = list(level.values(results.records).values())
    metric = levels[0].metric
    for arm in results.arms:
        if "collapsed" not in arm.statuses:
            used = frozenset(record.id for record in arm.records)
            found.setdefault((used, metric), list(arm.values(metric).values()))
    return pool([values for values in found.values() if len(set(values)) > 1])
