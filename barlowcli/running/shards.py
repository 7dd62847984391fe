"""`--shard I/N`: how far a part of the cells is, whatever the others do; a report waits for all of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barlowcli.plan.freezing import status_of
from barlowcli.plan.plan import Plan
from barlowcli.running.experiment import part_of
from barlowcli.running.request import Only, Request


@dataclass(frozen=True)
class Shard:
    """The part-th of so many parts. own, others: cells by state, "done", "failed" or "todo". open: the first stages
    that are not decided, since that takes the cells of all shards."""

    part: int
    parts: int
    own: Mapping[str, int]
    others: Mapping[str, int]
    open: tuple[str, ...] = ()

    @property
    def cells(self) -> int:
        """How many are its own."""
        return sum(self.own.values())

    @property
    def finished(self) -> bool:
        """Whether all its cells have been run and none failed."""
        return self.own["done"] == self.cells

    @property
    def missing(self) -> int:
        """Cells of other shards that have no numbers here."""
        return self.others["todo"] + self.others["failed"]

    def as_value(self) -> dict[str, Any]:
        """For programs."""
        return {
            "part": self.part,
            "parts": self.parts,
            "cells": self.cells,
            "done": self.own["done"],
            "failed": self.own["failed"],
            "finished": self.finished,
            "others_missing": self.missing,
            "waits_for": list(self.open),
        }

    def in_words(self, folder: Path) -> str:
        """How far it is, what the report waits for, and what to do then."""
        name = f"shard {self.part}/{self.parts}"
        if not self.cells:
            done = f"{name} has no cells: there are fewer cells than shards"
        elif self.finished:
            done = f"{name} is done: {self.own['done']} of {self.cells} cells"
        else:
            failed = f", {self.own['failed']} failed" if self.own["failed"] else ""
            done = f"{name}: {self.own['done']} of {self.cells} cells done{failed}; --rerun failed runs those again"
        if self.open:
            stage = " and the ".join(self.open)
            then = f"once all shards have run theirs (their cells/ in one folder), the same {self.parts} commands go on"
            return f"{done}. The {stage} needs the cells of all shards: {then}."
        if not self.missing:
            return f"{done}. No cell of another shard is missing."
        of = self.missing + self.others["done"]
        after = f"then, with their cells/ in one folder: barlow report {folder}"
        return f"{done}. The report waits for {self.missing} of {of} cells of other shards; {after}"


def shard_of(request: Request) -> Shard | None:
    """How far the shard that was asked for is; None where none was."""
    if request.only.parts == 1:
        return None
    plan = request.plan()
    return shard_in(plan, {cell.id: status_of(request.folder, cell) for cell in plan.all_cells}, request.only)


def shard_in(plan: Plan, states: Mapping[str, str], only: Only) -> Shard | None:
    """How far a shard of a plan is; states: of every cell by id."""
    if only.parts == 1:
        return None
    mine = {cell.id for cell in part_of(plan.all_cells, only)}
    own = Counter(state for cell, state in states.items() if cell in mine)
    others = Counter(state for cell, state in states.items() if cell not in mine)
    return Shard(only.part, only.parts, own, others, tuple(plan.open))
