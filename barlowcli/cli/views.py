"""`barlow views`: a picture of what a run trains on."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from barlowcli.cli import flags, output, readers
from barlowcli.cli.parsing import absolute, all_settings, split
from barlowcli.data.paths import DATA_ROOT
from barlowcli.errors import ConfigError
from barlowcli.running import views as running
from barlowcli.settings.values import read
from barlowcli.settings.views import Jitter

JITTERS: tuple[Jitter, ...] = get_args(Jitter)


def views(
    dataset: flags.Dataset = None,
    experiment: Annotated[str, typer.Option(help="Whose view settings are drawn.")] = "shuffle-test",
    preset: Annotated[str, typer.Option(help="Of which preset.")] = "quick",
    shuffle: Annotated[str | None, typer.Option(help="Shuffle arms, comma-separated; default: all that fit.")] = None,
    jitter: Annotated[str, typer.Option(help="A panel for each, comma-separated: on, off, histogram.")] = "on,off",
    images: Annotated[
        int,
        typer.Option(
            "--images",
            "-n",
            parser=readers.whole("--images", 1, 64),
            metavar=readers.INT,
            help="How many images, one row each.",
        ),
    ] = 6,
    seed: Annotated[
        int, typer.Option(parser=readers.whole("--seed", -readers.LARGEST), metavar=readers.INT, help="Of the draws.")
    ] = 0,
    image_size: flags.ImageSize = None,
    settings: flags.Set = None,
    data_root: flags.DataRoot = DATA_ROOT,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", parser=readers.path, metavar=readers.PATH, help="The picture, .png or .svg."),
    ] = Path("views.png"),
) -> None:
    """Draw a few images, every shuffle arm, two views each, with and without jitter."""
    given = [read("views.jitter", value) for value in split(jitter, "--jitter")]
    unknown = [value for value in given if value not in JITTERS]
    if unknown:
        raise ConfigError([f"--jitter: no value `{unknown[0]}`"], hint=f"any of {', '.join(JITTERS)}")
    jitters = [value for value in JITTERS if value in given]
    running.check_picture(out)
    sheet = running.draw(
        experiment,
        preset,
        all_settings({"data.name": absolute(dataset), "data.image_size": image_size}, settings),
        shuffles=split(shuffle, "--shuffle") if shuffle else None,
        jitters=jitters,
        images=images,
        seed=seed,
        data_root=data_root,
    )
    running.save(sheet, out)
    output.kept(out)
    output.say(f"{out}: {sheet.images} images of {sheet.data}")
