"""The picture of what a run trains on: some images, two views of each in every shuffle arm."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barlowcli.errors import ConfigError, ResultsError
from barlowcli.experiment.files import load_experiment
from barlowcli.machine.surroundings import at_home
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.records.files import write_bytes
from barlowcli.records.refusals import way_out
from barlowcli.settings.values import read
from barlowcli.settings.views import Jitter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")


@dataclass(frozen=True)
class Sheet:
    """A picture of the views of so many `images` of the data set called `data`."""

    figure: "Figure"
    images: int
    data: str


def draw(
    experiment: str,
    preset: str,
    settings: Mapping[str, Any],
    *,
    shuffles: Sequence[str] | None,
    jitters: Sequence[Jitter],
    images: int,
    seed: int,
    data_root: Path,
) -> Sheet:
    """Draw the views that an experiment's preset trains on. settings: dotted key -> value, over the preset's.

    shuffles: arms, or all that fit; jitters: a panel each; images: at most so many, spread over the training images.
    Raises ConfigError on settings, DataError on data.
    """
    plan = build_plan(load_experiment(experiment), preset, Overrides(settings=settings, seeds=1), on_cuda=False)
    config, views = next((cell.config, views) for cell in plan.all_cells if (views := cell.config.views) is not None)

    import torch

    from barlowcli.data.load import load_dataset
    from barlowcli.views.picture import contact_sheet

    data = load_dataset(config.data, root=at_home(data_root))
    rows = torch.linspace(0, len(data.train) - 1, min(images, len(data.train))).long()  # files come class by class
    own = views.model_copy(
        update={"grayscale": read("views.grayscale", settings.get("views.grayscale", "auto"))}
    )  # each panel has its jitter
    figure = contact_sheet(data.train.images[rows], own, shuffles, jitter=jitters, seed=seed)
    return Sheet(figure, len(rows), data.name)


def check_picture(out: Path) -> None:
    """Raise ConfigError where no picture can be written to a file of that name."""
    if out.suffix not in SUFFIXES:
        raise ConfigError([f"--out {out}: expected a name that ends in .png or .svg"])


def save(sheet: Sheet, out: Path) -> None:
    """Write the picture, whole or not at all. Raises ResultsError where the disk refuses."""
    picture = io.BytesIO()
    sheet.figure.savefig(picture, format=out.suffix[1:])
    try:
        write_bytes(out, picture.getvalue())
    except ResultsError as error:
        if isinstance(error.__cause__, OSError):
            error.hint = way_out(out, error.__cause__, "name another place with --out")
        raise
