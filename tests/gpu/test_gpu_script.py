"""`bench/gpu.py` where there is no GPU: what a piece that is cut off leaves, how many epochs fit, its smallest run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import gpu
from bench.gpu import Part, Piece, Way
from bench.gpu_grid import GRIDS, Costs, counted, fitting, pack
from bench.kept import Kept

COUNT = {0: (60, 20), 1: (30, 12), 2: (15, 9)}
COSTS = Costs(start=20.0, epoch=1.0, cell=1.0)


@pytest.mark.parametrize(
    ("seconds", "number", "epochs"),
    [(1000, 0, 12), (600, 0, 6), (400, 1, 9), (260, 1, 5), (200, 2, 8), (60, 2, 1), (10**6, 0, 200)],
)
def test_the_widest_grid_that_gets_enough_epochs_is_run(seconds, number, epochs):
    chosen = fitting(COSTS, seconds, COUNT)
    assert (chosen.axes, chosen.epochs, (chosen.trained, chosen.untrained)) == (GRIDS[number], epochs, COUNT[number])


def test_cells_are_counted_with_their_seeds_and_without_tuning():
    (whole, _), (fewer, _), (fewest, _) = counted("cifar10", 3).values()
    assert whole > fewer > fewest > 0
    assert whole % 3 == fewer % 3 == fewest % 3 == 0
    assert counted("cifar10", 6)[0][0] == 2 * whole


def test_costs_are_read_from_what_the_first_part_found():
    found = {"whole": {"seconds": {"load": 3.0, "evaluate": 4.0}}, "first": {"set_up_seconds": 30.0}}
    measured = {"pieces": {"barlow": {"found": {**found, "step": {"epoch_seconds": 1.2}}}}}
    assert Costs.of(measured) == Costs(start=43.0, epoch=1.2, cell=5.0)


def test_records_are_packed_without_weights(tmp_path):
    cell = tmp_path / "results" / "shuffle-test" / "cifar10" / "cells" / "an-id"
    cell.mkdir(parents=True)
    for name in ("record.json", "encoder.safetensors", "checkpoint.pt"):
        (cell / name).write_text(name)
    assert pack(tmp_path / "results", tmp_path / "records.tar.gz") == 1
    listed = subprocess.run(["tar", "tzf", tmp_path / "records.tar.gz"], capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["shuffle-test/cifar10/cells/an-id/record.json"]


def run_piece(
    monkeypatch: pytest.MonkeyPatch, folder: Path, script: str, seconds: float
) -> tuple[bool, dict[str, object]]:
    """Whether a piece ended well that is this script, and its row of the document."""
    head = "import sys, json, time\nfrom pathlib import Path\nout = Path(sys.argv[-1])\n"
    (folder / "piece.py").write_text(head + script)
    monkeypatch.setattr(gpu, "HERE", folder)
    part = Part(1, Way("none"), folder, 100.0)
    ended = part.run(Piece("a-piece", "piece", seconds))
    return ended, json.loads((folder / "part-1.json").read_text())["pieces"]["a-piece"]


def test_a_piece_that_is_cut_off_leaves_what_it_had(monkeypatch, tmp_path):
    ended, row = run_piece(monkeypatch, tmp_path, "out.write_text(json.dumps({'ms': 13}))\ntime.sleep(60)", 4.0)
    assert not ended
    assert (row["ended"], row["found"]) == ("out of time", {"ms": 13})


def test_a_piece_that_fails_is_told_with_the_end_of_its_log(monkeypatch, tmp_path, capsys):
    ended, row = run_piece(monkeypatch, tmp_path, "raise SystemExit('no such kernel')", 60.0)
    assert not ended
    assert (row["ended"], row["found"]) == ("exit 1", {})
    assert "no such kernel" in capsys.readouterr().out


def test_what_is_kept_is_whole_after_every_row(tmp_path):
    kept = Kept(tmp_path / "found.json", rows=[])
    for number in range(3):
        kept.row({"number": number})
        assert json.loads((tmp_path / "found.json").read_text()) == {"rows": [{"number": k} for k in range(number + 1)]}


def test_a_cell_is_measured_part_by_part_on_a_cpu(tmp_path):
    command = [sys.executable, gpu.__file__, "--tiny", "--part", "1", "--only", "byol", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((tmp_path / "part-1.json").read_text())
    assert (document["rehearsal"], document["small"], document["device"]) == (False, True, "cpu")
    found = document["pieces"]["byol"]["found"]
    assert found["first"]["way"] == "eager"
    assert len(found["first"]["ms"]) == 3
    assert found["step"]["low"] <= found["step"]["median"] <= found["step"]["high"]
    assert found["whole"]["seconds"]["evaluate"] > 0
