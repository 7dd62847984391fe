"""The rows of `calibration.py` as Markdown, those of a tree of before beside those of now."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
SEEDS = (3, 5, 10)
Side = Sequence[Row]


def markdown(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """All tables with what they are of."""
    old, new = before["rows"], after["rows"]
    made = " and ".join(f"commit {run['commit']} (`{run['command']}`, {run['date']})" for run in (before, after))
    parts = [
        "# Calibration of the verdicts",
        f"Made by {made}, joined by `python -m bench.calibration --table`. Shares of verdicts, on records drawn with "
        "known truth: see `bench/calibration.py`, which for the older commit was laid over a checkout of it. Before, a "
        "word was judged at .05; now at .025 a side. A share of .025 of 1,200 verdicts (now) scatters by .005, of "
        "2,000 (before) by .003; the tables of power, presets and primary verdicts have fewer draws.",
        "## A word where there is no effect, or one exactly at the bound",
        "Supported / refuted; each should be at most .025 (before: .05). Four independent verdicts a report.",
        _errors(old, new),
        "## Slopes",
        "The same for claims along an axis of nine values.",
        _by_n(new, "slopes", ("paired", "pooled")),
        "## Where the two arms of `above` scatter 2.8 times as much as all others",
        _wild(old, new),
        "## Trained arms below an untrained encoder",
        "The arm is five points above the other trained ones, an untrained encoder ten above those. Decided (either "
        'word), and "not learned". An equivalence or a share has no scale then (the full model is not above the '
        "floor), before as now, and is inconclusive.",
        _unlearned(old, new),
        "## All primary verdicts together",
        "Reports with at least one wrong word: three claims of four cases, none with an effect; at most .05.",
        _families(old, new),
        "## Power",
        "Share of true effects that are shown; effect in standard deviations of the contrast over seeds. One claim / "
        "one of four cases (Holm). Before, at .05 a word; that paired tests show less now is the price of .025.",
        _power(old, new),
        "## The quick presets with all trained arms equal",
        "Reports with at least one wrong word among all claims, before and now; now also among the primary ones' own "
        "family (at most .05). Hybrid has no winner before its screening is run, so no claim of it is judged here.",
        _shipped(old, new),
        "## Guards of the pooled variance",
        "Largest error of a word at no effect (two or one of the arms compared scatter 1 to 4 times as much as the "
        "rest; 6, 8, 14 arms) and power at 1, 2, 3 standard deviations of the difference. What is used stands last: a "
        "guard behind which the paired test follows either errs, or has no more power than the paired test.",
        _guards(new),
    ]
    return "\n\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _find(rows: Side, part: str, **where: Any) -> Row | None:
    wanted = {"part": part, **where}
    return next((row for row in rows if all(row.get(name) == value for name, value in wanted.items())), None)


def _share(row: Row | None, *words: str) -> str:
    if row is None:
        return "-"
    return f"{sum(row.get(word, 0) for word in words) / row['verdicts']:.3f}".removeprefix("0")


def _both(row: Row | None) -> str:
    return f"{_share(row, 'supported')} / {_share(row, 'refuted')}"


def _kinds(rows: Side, part: str) -> list[str]:
    found = dict.fromkeys(row["kind"] for row in rows if row["part"] == part)
    return [kind for kind in found if kind != "any wrong in a report"]


def _errors(old: Side, new: Side) -> str:
    rows = []
    for kind in _kinds(new, "errors"):
        for n in SEEDS:
            where = {"n": n, "kind": kind, "scatter": "as the rest"}
            name = "equivalence of equal arms (supported is right)" if kind == "equivalence" else kind
            cells = [
                _both(_find(side, "errors", variance=variance, **where))
                for side, variance in ((old, "paired"), (new, "paired"), (new, "pooled"))
            ]
            rows.append([name, str(n), *cells])
    return _table(["claim", "seeds", "before", "now, paired", "now, pooled"], rows)


def _by_n(rows: Side, part: str, variances: Sequence[str]) -> str:
    lines = [
        [kind, str(n), *(_both(_find(rows, part, n=n, kind=kind, variance=variance)) for variance in variances)]
        for kind in _kinds(rows, part)
        for n in SEEDS
    ]
    return _table(["claim", "seeds", *(f"now, {variance}" for variance in variances)], lines)


def _wild(old: Side, new: Side) -> str:
    where = {"kind": "above", "scatter": "2.8 times the rest"}
    lines = [
        [
            str(n),
            *(
                _both(_find(side, "errors", n=n, variance=variance, **where))
                for side, variance in ((old, "paired"), (new, "paired"), (new, "pooled"))
            ),
        ]
        for n in SEEDS
    ]
    return _table(["seeds", "before", "now, paired", "now, pooled"], lines)


def _unlearned(old: Side, new: Side) -> str:
    lines = []
    for kind in _kinds(new, "unlearned"):
        for n in SEEDS:
            row, was = (_find(side, "unlearned", n=n, kind=kind) for side in (new, old))
            decided = ("supported", "refuted")
            lines.append([kind, str(n), _share(was, *decided), _share(row, *decided), _share(row, "not learned")])
    return _table(["claim", "seeds", "decided before", "decided now", '"not learned" now'], lines)


def _any(rows: Side, part: str, **where: Any) -> str:
    return _share(_find(rows, part, kind="any wrong in a report", **where), "wrong")


def _families(old: Side, new: Side) -> str:
    lines = [
        [
            str(n),
            _any(old, "families", n=n),
            *(_any(new, "families", n=n, variance=variance) for variance in ("paired", "pooled")),
        ]
        for n in SEEDS
    ]
    return _table(["seeds", "before", "now, paired", "now, pooled"], lines)


def _power(old: Side, new: Side) -> str:
    def cell(side: Side, variance: str, **where: Any) -> str:
        found = [
            _share(_find(side, "power", variance=variance, family=family, **where), "supported")
            for family in ("one", "four cases")
        ]
        return " / ".join(found)

    lines = [
        [
            test,
            str(n),
            str(size),
            *(
                cell(side, variance, n=n, effect=size, kind=test)
                for side, variance in ((old, "paired"), (new, "paired"), (new, "pooled"))
            ),
        ]
        for test in ("above", "interaction")
        for n in SEEDS
        for size in (1, 2, 3)
    ]
    return _table(["claim", "seeds", "effect", "before", "now, paired", "now, pooled"], lines)


def _shipped(old: Side, new: Side) -> str:
    names = dict.fromkeys(row["experiment"] for row in new if row["part"] == "shipped")

    def line(value: Callable[[int], str]) -> list[str]:
        return [value(n) for n in SEEDS]

    lines = [
        [
            name,
            *(
                f"{_any(old, 'shipped', n=n, experiment=name)} → {_any(new, 'shipped', n=n, experiment=name)}, "
                f"{_share(_find(new, 'shipped', n=n, experiment=name, kind='any wrong in a report'), 'wrong primary')}"
                for n in SEEDS
            ),
        ]
        for name in names
    ]
    return _table(["experiment", *line(lambda n: f"{n} seeds: before → now, primary")], lines)


def _guards(new: Side) -> str:
    lines = [
        [
            row["rule"],
            str(row["n"]),
            f"{row['error']:.3f}".removeprefix("0"),
            " / ".join(f"{row[f'power {size}']:.2f}".removeprefix("0") for size in (1, 2, 3)),
        ]
        for row in new
        if row["part"] == "guards"
    ]
    return _table(["rule", "seeds", "largest error", "power at 1 / 2 / 3"], lines)
