"""Ids of cells and rebuilt reports are what they were. `python -m tests.held` writes a meant change down."""

import json

import matplotlib

from tests.held.behaviour import IDS, REPORTS, differences, ids, reports


def test_every_shipped_cell_has_the_id_it_had():
    kept, now = json.loads(IDS.read_text(encoding="utf-8")), ids()
    assert [name for name in {*kept, *now} if kept.get(name) != now.get(name)] == []


def test_reports_rebuilt_from_kept_results_have_the_same_bytes(tmp_path):
    kept, now = json.loads(REPORTS.read_text(encoding="utf-8")), reports(tmp_path)
    pictures = kept["matplotlib"] == matplotlib.__version__  # another version may draw another line
    assert differences(kept, now, pictures=pictures) == []


def test_a_changed_report_is_noticed():
    kept = {"matplotlib": "1", "a": {"runs.csv": "x", "plots/b.svg": "y"}}
    changed = {"matplotlib": "2", "a": {"runs.csv": "z", "plots/b.svg": "z", "new.csv": "n"}}
    assert differences(kept, changed, pictures=True) == ["a: new.csv", "a: plots/b.svg", "a: runs.csv"]
    assert differences(kept, changed, pictures=False) == ["a: new.csv", "a: runs.csv"]
