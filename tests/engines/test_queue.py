"""Between the choice of a run's cells and its first one there is time, in which other processes finish some."""

import pytest

from barlowcli.cell.options import identity
from barlowcli.engines.queue import Queue
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import Record, write_record
from tests.grids import options_for, tiny_plan


@pytest.mark.parametrize(
    ("status", "anew", "again"),
    [("ok", False, False), ("collapsed", False, False), ("failed", False, True), ("ok", True, True)],
)
def test_a_cell_that_was_finished_meanwhile_stands_unless_it_is_to_be_replaced(tmp_path, status, anew, again):
    cell, options = tiny_plan().cells[0], options_for(tmp_path)
    folder = ResultsFolder(tmp_path).cell(cell.id)
    write_record(folder, Record(**identity(cell, options), status=status, message=""))
    before = folder.record.read_bytes()
    with Queue([cell], options, anew=anew, patience=9.0) as queue:
        task = queue.next()
        assert (task is not None) is again
        if not again:
            assert folder.record.read_bytes() == before
            assert [(event.cell, event.status, event.elsewhere) for event in queue.finished_elsewhere()] == [
                (cell.id, status, True)
            ]
            assert not queue.open
