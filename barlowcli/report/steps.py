"""How training steps were taken, in sentences: it changes what a step costs, and numbers by rounding alone."""

from collections import Counter

from barlowcli.analysis.results import Results
from barlowcli.analysis.wording import listing
from barlowcli.records.record import Record


def step_caveats(results: Results) -> list[str]:
    """A sentence where cells fell back to a slower way, and one where not all cells have the same."""
    trained = [record for record in results.records.values() if record.provenance.get("step")]
    return [*_fallen_back(trained), *_mixed(results, trained)]


def _fallen_back(trained: list[Record]) -> list[str]:
    found = [record for record in trained if record.slower]
    if not found:
        return []
    reasons = Counter("; ".join(record.slower) for record in found)
    (first, _), *others = reasons.most_common()
    more = f", and {len(others)} more {'reason' if len(others) == 1 else 'reasons'} (record.json)" if others else ""
    return [
        f"{len(found)} of {_cells(len(trained))} took slower steps ({_ways(found)}) than were tried first: "
        f"{first}{more}. This changes what a step costs, and numbers by rounding alone."
    ]


def _mixed(results: Results, trained: list[Record]) -> list[str]:
    if len({_way(record) for record in trained}) < 2:
        return []
    arms = [arm for arm in results.arms if len({_way(r) for r in arm.records if r.provenance.get("step")}) > 1]
    within = f", and differ within {listing(results.arm_name(arm.at) for arm in arms)}" if arms else ""
    return [f"Steps were taken in several ways ({_ways(trained)}): their times do not compare{within}."]


def _ways(records: list[Record]) -> str:
    """ "captured: 8 cells, eager: 1 cell"."""
    return ", ".join(f"{way}: {_cells(count)}" for way, count in Counter(map(_way, records)).most_common())


def _way(record: Record) -> str:
    return str(record.provenance["step"])


def _cells(count: int) -> str:
    return f"{count} cell{'s' * (count != 1)}"
