"""The flags that several commands share, each once. Imports nothing that takes time."""

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from barlowcli.cli.readers import INT, PATH, path, whole

Experiment = Annotated[str, typer.Argument(help="Its name (`barlow ls experiments`) or the path of a TOML file.")]
Preset = Annotated[str, typer.Option(help="auto: cifar10 where there is a GPU, else quick.")]
Dataset = Annotated[str | None, typer.Option(help="A name (`barlow ls datasets`), folder:PATH or parquet:PATH.")]
DataRoot = Annotated[Path, typer.Option(parser=path, metavar=PATH, help="Where data sets by name lie.")]
Downloads = Annotated[
    Path, typer.Option(parser=path, metavar=PATH, help="Where data sets by name lie or are downloaded to.")
]
Limit = Annotated[
    int | None,
    typer.Option(parser=whole("--limit"), metavar=INT, help="A class-balanced part of the training images."),
]
ImageSize = Annotated[
    int | None,
    typer.Option(parser=whole("--image-size", 8), metavar=INT, help="Side in pixels that images are brought to."),
]
Epochs = Annotated[
    int | None, typer.Option(parser=whole("--epochs"), metavar=INT, help="Passes over the training images.")
]
Set = Annotated[list[str] | None, typer.Option("--set", help="key=value, any setting; repeatable.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Results = Annotated[Path, typer.Option(parser=path, metavar=PATH, help="Where the results lie.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
JsonAlone = Annotated[bool, typer.Option("--json", help="JSON on stdout, all else on stderr.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
F = TypeVar("F")


def takes(flags: type[F]) -> Callable[[Callable[[F], None]], Callable[..., None]]:
    """A function of one object as a command whose parameters are the fields of that object's dataclass."""

    def wrap(command: Callable[[F], None]) -> Callable[..., None]:
        @functools.wraps(command)
        def call(**values: Any) -> None:
            command(flags(**values))

        vars(call)["__signature__"] = inspect.signature(flags)
        return call

    return wrap


def as_typed() -> tuple[str, ...]:
    """The command in words, for the records."""
    return ("barlow", *sys.argv[1:])
