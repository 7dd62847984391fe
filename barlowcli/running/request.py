"""What is asked of an experiment: under which preset, cut down how, where, and which of its cells now."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from barlowcli.cell.options import RunOptions
from barlowcli.data.paths import DATA_ROOT, located
from barlowcli.engines.base import AtOnce, at_once
from barlowcli.errors import ConfigError
from barlowcli.experiment.model import Experiment
from barlowcli.machine.devices import Way, choose_device
from barlowcli.machine.gpus import gpus
from barlowcli.machine.surroundings import at_home
from barlowcli.plan.choosing import choose
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Choice, Plan
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import read_records
from barlowcli.registry import ENGINES
from barlowcli.settings.tables import expand, flatten


class Rerun(StrEnum):
    """Which cells with a record are run again."""

    failed = "failed"
    all = "all"


@dataclass(frozen=True)
class Only:
    """Which of the planned cells are run now: the `part`-th of `parts` parts of them, those without a record, and of
    the others what `rerun` says."""

    part: int = 1
    parts: int = 1
    rerun: Rerun | None = None


@dataclass(frozen=True)
class Request:
    """What is asked of an experiment.

    preset, device: "auto" becomes what suits this machine; why: the reason for the preset, in words. overrides: what
    the grid is cut down to, and other settings. results: the folder that every experiment's results lie in. engine:
    what runs the cells, a name of the registry. workers: cells at once; None: one a core, one a GPU.
    command: as typed, for the records.

    Raises BarlowError where there is no such device here, or no such engine.
    """

    experiment: Experiment
    preset: str = "auto"
    device: str = "auto"
    overrides: Overrides = field(default_factory=Overrides)
    only: Only = field(default_factory=Only)
    results: Path = Path("results")
    data_root: Path = DATA_ROOT
    engine: str = "local"
    workers: int | None = None
    way: Way | None = None
    deterministic: bool = False
    checkpoint_seconds: float = RunOptions.checkpoint_seconds
    command: tuple[str, ...] = ()
    why: str = "as asked"

    def __post_init__(self) -> None:
        ENGINES.check(self.engine)
        data_root, results = at_home(self.data_root), at_home(self.results)
        found: dict[str, Any] = {"device": choose_device(self.device), "data_root": data_root, "results": results}
        if os.path.isfile(data_root):
            raise ConfigError([f"--data-root: {data_root} is a file"], hint="name the folder it lies in")
        if self.preset == "auto":
            found["preset"], found["why"] = choose_preset(self.experiment, found["device"])
        for name, value in found.items():
            object.__setattr__(self, name, value)  # frozen from here on

    @property
    def folder(self) -> Path:
        """The folder of this run's results."""
        return ResultsFolder.of(self.results, self.experiment.name, self.preset).path

    @property
    def options(self) -> RunOptions:
        """What its cells share."""
        return RunOptions(
            experiment=self.experiment.name,
            preset=self.preset,
            folder=self.folder,
            data_root=self.data_root,
            device=self.device,
            command=self.command,
            checkpoint_seconds=self.checkpoint_seconds,
            way=self.way,
            deterministic=self.deterministic,
        )

    def at_once(self, cells: int) -> int:
        """How many of so many cells are run at once."""
        return self.room_for(cells).workers

    def room_for(self, cells: int) -> AtOnce:
        """The same, with the reason where memory allows no more."""
        return at_once(self.device, cells, self.workers)

    def plan(self) -> Plan:
        """The plan as far as it is known: each stage is, once what the one before it chooses is finished.

        Raises ConfigError with every mistake in what was asked, ResultsError where a record is damaged or a first stage
        is finished and has nothing to choose.
        """
        plan = self._plan()
        while plan.first:
            records = read_records(ResultsFolder(self.folder), (cell.id for cell in plan.first))
            tuned, winner = choose(plan, records)
            if (tuned, winner) == (plan.tuned, plan.winner):
                break
            plan = self._plan(tuned, winner)
        return plan

    def _plan(self, tuned: tuple[Choice, ...] = (), winner: str = "") -> Plan:
        on_cuda = self.device == "cuda"
        return build_plan(self.experiment, self.preset, self.overrides, on_cuda=on_cuda, winner=winner, tuned=tuned)

    @property
    def heading(self) -> str:
        """Experiment, preset and device."""
        return f"{self.experiment.name}, preset {self.preset} ({self.why}), on {self.device}"

    def about(self, plan: Plan) -> list[str]:
        """What is asked, in words: the heading, where the data are not those that the preset was chosen for, and what
        is to be said of this machine's GPUs."""
        settings = self.experiment.presets[self.preset].settings
        own = [f"{self.heading}, into {self.folder}/", *foreign_data(settings, plan)]
        tune, given = self.experiment.tuned_under(self.preset), {*flatten(expand(self.overrides.settings))}
        by_hand = [key for key in tune.values if key in given] if tune is not None else []
        return [*own, *(f"{key} is set by hand: it is not tuned" for key in by_hand), *gpus(self.device).notes]


def choose_preset(experiment: Experiment, device: str) -> tuple[str, str]:
    """The preset that suits a device, and why it."""
    wanted = "cifar10" if device == "cuda" else "quick"
    if wanted not in experiment.presets:
        return next(iter(experiment.presets)), f"the first of {experiment.name}, which has no {wanted}"
    if device == "cuda":
        return wanted, "there is a GPU; --preset quick for minutes instead"
    if device == "mps":
        return wanted, "cifar10 is sized for CUDA; on mps it was never timed"
    return wanted, f"no GPU; cifar10 wants one, on a {device} it takes weeks"


def foreign_data(settings: Mapping[str, Any], plan: Plan) -> list[str]:
    """A word where a preset's settings meet other data than they were chosen for."""
    own = expand(settings).get("data", {})
    data = plan.all_cells[0].config.data
    if own.get("name") is None or located(own["name"]) == data.name:
        return []
    limited = data.limit is not None and data.limit == own.get("limit")
    kept = f"; at most {data.limit} training images (--limit changes that)" if limited else ""
    return [f"the preset's views and training were chosen for {own['name']}; --set changes them{kept}"]
