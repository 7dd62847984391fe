"""What is said of a run line by line."""

import io

from rich.console import Console

from barlowcli.cli.progress import Lines, Live, label
from barlowcli.engines.base import Event
from barlowcli.machine.devices import in_words
from tests.grids import tiny_plan

CELLS = [cell for cell in tiny_plan({"method": ["barlow"], "shuffle": ["none"]}, seeds=3).cells if cell.config.training]


def said(kind: type[Lines], *, terminal: bool = False) -> list[str]:
    """Of three cells: two fall back for one reason but for an address in it, the third takes its steps as it should."""
    out = io.StringIO()
    with kind(CELLS[:3], Console(file=out, width=200, force_terminal=terminal, color_system=None)) as lines:
        for cell, address in zip(CELLS[:3], ("0x71", "0x82", None), strict=True):
            lines.show(Event("started", cell.id))
            if address:
                lines.show(Event("slower", cell.id, way="eager", message=in_words("eager", [f"no graph at {address}"])))
            lines.show(Event("progress", cell.id, step=1, total=2))
            lines.show(Event("done", cell.id, status="ok", seconds=2.0))
    return out.getvalue().splitlines()


def test_slower_steps_stand_on_the_line_of_each_cell_and_the_reason_is_said_once():
    first, *lines = said(Lines)
    assert first == "steps are eager, which is slower: no graph at 0x71"
    assert [line.split("  (")[0] for line in lines] == [
        f"[1/3] {label(CELLS[0])}  2.0 s, eager steps",
        f"[2/3] {label(CELLS[1])}  2.0 s, eager steps",
        f"[3/3] {label(CELLS[2])}  2.0 s",
    ]


def test_beside_bars_the_reason_is_a_line_of_its_own():
    text = "\n".join(said(Live, terminal=True))
    assert text.count("steps are eager, which is slower: no graph at 0x71") == 1
    assert "0x82" not in text
