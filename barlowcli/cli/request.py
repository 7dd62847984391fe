"""The flags of `run` and `sweep`, as one request."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from barlowcli.cli import flags
from barlowcli.cli.parsing import JitterFlag, OnBadImage, OnOff, absolute, all_settings, axis_values, parse_shard
from barlowcli.cli.readers import FLOAT, INT, PATH, choice, one_of, path, real, whole
from barlowcli.data.paths import DATA_ROOT
from barlowcli.experiment.files import load_experiment
from barlowcli.machine.devices import Way
from barlowcli.plan.grid import Overrides
from barlowcli.running.request import Only, Request, Rerun


@dataclass(frozen=True)
class RunFlags:
    """The flags of `run` and `sweep`, in the order of --help."""

    experiment: flags.Experiment
    preset: flags.Preset = "auto"
    dataset: flags.Dataset = None
    data_root: flags.Downloads = DATA_ROOT
    method: Annotated[str | None, typer.Option(help="Only these methods, comma-separated.")] = None
    shuffle: Annotated[str | None, typer.Option(help="Only these shuffle arms, comma-separated.")] = None
    jitter: Annotated[
        JitterFlag | None,
        typer.Option(
            parser=choice("--jitter", JitterFlag),
            metavar=one_of(JitterFlag),
            help="Colour distortion: jitter and, unless set apart, greyscale.",
        ),
    ] = None
    grayscale: Annotated[
        OnOff | None,
        typer.Option(parser=choice("--grayscale", OnOff), metavar=one_of(OnOff), help="Greyscale apart from jitter."),
    ] = None
    dims: Annotated[str | None, typer.Option(help="Projector dimensions, comma-separated.")] = None
    axis: Annotated[list[str] | None, typer.Option(help="NAME=V1,V2: values of any axis of the experiment.")] = None
    seeds: Annotated[
        int | None,
        typer.Option(parser=whole("--seeds"), metavar=INT, help="Seeds per arm; 3 to screen, 5 for a verdict."),
    ] = None
    epochs: flags.Epochs = None
    limit: flags.Limit = None
    image_size: flags.ImageSize = None
    settings: flags.Set = None
    on_bad_image: Annotated[
        OnBadImage | None,
        typer.Option(
            parser=choice("--on-bad-image", OnBadImage),
            metavar=one_of(OnBadImage),
            help="What a broken image does; default fail.",
        ),
    ] = None
    device: flags.Device = "auto"
    workers: Annotated[
        int | None,
        typer.Option(parser=whole("--workers"), metavar=INT, help="Cells at once; default one a core, or one a GPU."),
    ] = None
    engine: Annotated[str, typer.Option(help="What runs the cells (`barlow ls engines`).")] = Request.engine
    way: Annotated[
        Way | None, typer.Option("--step", help="How training steps are taken; default: as fast as goes here.")
    ] = None
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same bits again on a GPU too; a CPU does that anyway.")
    ] = False
    results: Annotated[Path, typer.Option(parser=path, metavar=PATH, help="Where results go.")] = Request.results
    checkpoint_seconds: Annotated[
        float,
        typer.Option(
            parser=real("--checkpoint-seconds"), metavar=FLOAT, help="Time between two checkpoints of a cell."
        ),
    ] = Request.checkpoint_seconds
    rerun: Annotated[Rerun | None, typer.Option(help="Run failed cells, or all, again.")] = None
    shard: Annotated[str | None, typer.Option(help="I/N: only the I-th of N parts of the cells.")] = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the cells and their state, run nothing.")] = False
    as_json: flags.JsonAlone = False
    quiet: flags.Quiet = False

    def request(self) -> Request:
        """What the flags ask for. Raises ConfigError with the mistakes in them."""
        experiment = load_experiment(self.experiment)
        part, parts = parse_shard(self.shard)
        return Request(
            experiment,
            preset=self.preset,
            device=self.device,
            overrides=self.overrides(),
            only=Only(part, parts, self.rerun),
            results=self.results,
            data_root=self.data_root,
            engine=self.engine,
            workers=self.workers,
            way=self.way,
            deterministic=self.deterministic,
            checkpoint_seconds=self.checkpoint_seconds,
            command=flags.as_typed(),
        )

    def overrides(self) -> Overrides:
        """What the flags cut the grid down to, and the settings they change."""
        axes = axis_values(self.method, self.shuffle, self.jitter, self.grayscale, self.dims, self.axis or ())
        settings = {
            "data.name": absolute(self.dataset),
            "data.limit": self.limit,
            "data.image_size": self.image_size,
            "data.on_bad_image": self.on_bad_image,
            "training.epochs": self.epochs,
        }
        return Overrides(axes, all_settings(settings, self.settings), self.seeds)
