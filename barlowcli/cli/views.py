"""`barlow views`: a picture of what a run trains on."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from barlowcli.cli import flags, output
from barlowcli.cli.parsing import absolute, all_settings, split
from barlowcli.data.paths import DATA_ROOT
from barlowcli.errors import ConfigError, ResultsError
from barlowcli.experiment.files import load_experiment
from barlowcli.plan.grid import Overrides, build_plan

JITTERS: tuple[Literal["on", "off", "histogram"], ...] = ("on", "off", "histogram")


def views(
    dataset: flags.Dataset = None,
    experiment: Annotated[str, typer.Option(help="Whose view settings are drawn.")] = "shuffle-test",
    preset: Annotated[str, typer.Option(help="Of which preset.")] = "quick",
    shuffle: Annotated[str | None, typer.Option(help="Shuffle arms, comma-separated; default: all that fit.")] = None,
    jitter: Annotated[str, typer.Option(help="A panel for each, comma-separated: on, off, histogram.")] = "on,off",
    images: Annotated[int, typer.Option("--images", "-n", min=1, max=64, help="How many images, one row each.")] = 6,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
    image_size: flags.ImageSize = None,
    settings: flags.Set = None,
    data_root: flags.DataRoot = DATA_ROOT,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture to write, .png or .svg.")] = Path("views.png"),
) -> None:
    """Draw a few images, every shuffle arm, two views each, with and without jitter."""
    unknown = [value for value in split(jitter, "--jitter") if value not in JITTERS]
    if unknown:
        raise ConfigError([f"--jitter: no value `{unknown[0]}`"], hint=f"any of {', '.join(JITTERS)}")
    jitters = [value for value in JITTERS if value in split(jitter, "--jitter")]
    if out.suffix not in (".png", ".svg"):
        raise ConfigError([f"--out {out}: expected a name that ends in .png or .svg"])
    chosen = all_settings({"data.name": absolute(dataset), "data.image_size": image_size}, settings)
    plan = build_plan(load_experiment(experiment), preset, Overrides(settings=chosen, seeds=1), on_cuda=False)
    config = next(cell.config for cell in plan.cells if cell.config.views is not None)
    assert config.views is not None
    settings_of_views = config.views.model_copy(update={"grayscale": chosen.get("views.grayscale", "auto")})

    import torch

    from barlowcli.data.load import load_dataset
    from barlowcli.views.picture import contact_sheet

    data = load_dataset(config.data, root=data_root.expanduser())
    arms = split(shuffle, "--shuffle") if shuffle else None
    rows = torch.linspace(0, len(data.train) - 1, min(images, len(data.train))).long()  # files come class by class
    figure = contact_sheet(data.train.images[rows], settings_of_views, arms, jitter=jitters, seed=seed)
    try:
        figure.savefig(out)
    except OSError as error:
        raise ResultsError(
            f"cannot write {out}: {error.strerror or error}", hint="name another place with --out"
        ) from error
    output.say(f"{out}: {len(rows)} images of {data.name}")
