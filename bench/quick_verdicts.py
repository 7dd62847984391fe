"""The verdicts of every experiment that was run under a preset, a table each, from its verdict.json.

    python bench/quick_presets.py --results /tmp/quick
    python bench/quick_verdicts.py /tmp/quick --before /tmp/quick_of_another_commit

Reads any verdict.json since the first; what an older one does not say is left empty.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from barlowcli.analysis.wording import points

HEADER = "| when | claim | verdict | effect by case |\n|---|---|---|---|"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="the folder of --results")
    parser.add_argument("--before", type=Path, help="the same of other code, to stand above it")
    parser.add_argument("--preset", default="quick")
    arguments = parser.parse_args()
    given = {"before": arguments.before, "today": arguments.results}
    times = {when: results for when, results in given.items() if results is not None}
    for path in sorted(arguments.results.glob(f"*/{arguments.preset}/verdict.json")):
        name = path.relative_to(arguments.results)
        print(f"\n## {name.parts[0]}\n\n{HEADER}")
        for when, results in times.items():
            for row in rows(json.loads((results / name).read_text("utf-8"))):
                print(f"| {when} | " + " | ".join(row) + " |")


def rows(document: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Claim, its word, and the cases with their effects, those of the first domain."""
    for claim in document["claims"]:
        primary = " **(primary)**" if claim.get("primary") else ""
        detail = claim.get("detail") or claim.get("disagreement") or ""
        word = claim["verdict"] + (f": {detail}" if detail else "")
        first = [verdict for verdict in claim["verdicts"] if verdict["domains"] == claim["verdicts"][0]["domains"]]
        yield f"{claim['title']}{primary}", word, "; ".join(map(case, first))


def case(verdict: dict[str, Any]) -> str:
    """ "Barlow Twins +21.3 points (+18.0 to +24.6)"."""
    if verdict["effect"] is None:
        return f"{verdict['name']}: none"
    interval = verdict.get("interval") or {}
    if verdict["quantity"] == "share":
        found, ends = f"{100 * verdict['effect']:.0f} %", "{:.0f} to {:.0f}"
    else:
        found, ends = points(verdict["effect"]), "{:+.1f} to {:+.1f}"
    low, high = interval.get("low"), interval.get("high")
    if low is None or high is None:
        return f"{verdict['name']} {found}"
    return f"{verdict['name']} {found} ({ends.format(100 * low, 100 * high)})"


if __name__ == "__main__":
    main()
