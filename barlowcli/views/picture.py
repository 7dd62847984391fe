"""A contact sheet of the shuffle arms: what a run trains on, to be looked at before it is run."""

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from barlowcli.errors import ConfigError
from barlowcli.machine.drawing import import_matplotlib
from barlowcli.registry import SHUFFLES
from barlowcli.settings.views import Jitter, ViewSettings
from barlowcli.views.augmentations import AUGMENTATIONS
from barlowcli.views.pipeline import AugmentedViews
from barlowcli.views.pixels import check_images, to_float
from barlowcli.views.shuffle import check_arm

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL = 64  # smallest side of a view on the sheet, in screen pixels
GAP, WIDE_GAP = 3, 9  # between neighbours, and what comes on top of it between arms
MARGIN = 16
TITLE, LINE, NAMES = 40, 14, 26  # heights: title, a line of the recipe, names of the columns
DPI = 100
INK, FAINT = "#1a1a1a", "#6b6b6b"


def contact_sheet(
    images: Tensor,
    settings: ViewSettings,
    arms: Sequence[str] | None = None,
    *,
    jitter: Sequence[Jitter] = ("on", "off"),
    seed: int = 0,
    epoch: int = 0,
) -> "Figure":
    """Draw both views of each image under each shuffle arm, a panel for each setting of colour jitter.

    images: uint8 (N, 3, S, S), one row each (and the partners of one another where jitter is `histogram`). settings:
    all that is not an arm or the jitter. arms: names of shuffle arms, all that can be applied at this size if None.
    Save the figure with `figure.savefig(path)`: every pixel of a view becomes a square of whole screen pixels.
    Raises ConfigError for an unknown arm or one that cannot be applied, DataError where images have another shape.
    """
    import_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    check_images(images)
    side = images.shape[-1]
    arms = _applicable(side) if arms is None else list(arms)
    zoom = max(1, round(CELL / side))
    sheets = [_mosaic(images, _views(images, settings, arms, kind, seed, epoch), zoom) for kind in jitter]
    height, width = sheets[0].shape[:2]
    recipes = [wrap(_recipe(settings, kind), max(40, width // 6)) for kind in jitter]
    headers = [TITLE + LINE * len(recipe) + NAMES for recipe in recipes]
    shape = (width + 2 * MARGIN, sum(headers) + len(sheets) * height + MARGIN)
    figure = Figure(figsize=(shape[0] / DPI, shape[1] / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, shape[0]), ylim=(shape[1], 0), frame_on=False, xticks=[], yticks=[])
    bottom = 0
    for kind, sheet, recipe, header in zip(jitter, sheets, recipes, headers, strict=True):
        _title(axes, kind, recipe, bottom + TITLE)
        _column_names(axes, arms, bottom + header, side * zoom)
        top, bottom = bottom + header, bottom + header + height
        axes.imshow(sheet, extent=(MARGIN, MARGIN + width, bottom, top), interpolation="nearest", aspect="auto")
    return figure


def _applicable(side: int) -> list[str]:
    arms = []
    for name in SHUFFLES.names():
        try:
            check_arm(name, side)
        except ConfigError:
            continue
        arms.append(name)
    return arms


def _views(
    images: Tensor, settings: ViewSettings, arms: Sequence[str], jitter: Jitter, seed: int, epoch: int
) -> list[Tensor]:
    """Both views of every arm, each float (N, 3, S, S) in [0, 1], arm by arm."""
    index = torch.arange(len(images), device=images.device)
    made = []
    for arm in arms:
        chosen = settings.model_copy(update={"shuffle": arm, "jitter": jitter})
        views = AugmentedViews(chosen, image_size=images.shape[-1], mean=(0, 0, 0), std=(1, 1, 1), seed=seed)
        made += [views.pixels(images, index, epoch=epoch, view=view) for view in (0, 1)]
    return made


def _mosaic(images: Tensor, views: Sequence[Tensor], zoom: int) -> npt.NDArray[np.uint8]:
    """Originals and then pairs of views, side by side on white, magnified; uint8 (height, width, 3)."""
    columns = []
    for number, column in enumerate([to_float(images), *views]):
        cells = column.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()  # (N, S, S, 3)
        cells = cells.repeat(zoom, axis=1).repeat(zoom, axis=2)
        left = 0 if number == 0 else GAP if number % 2 == 0 else GAP + WIDE_GAP
        cells = np.pad(cells, ((0, 0), (0, GAP), (left, 0), (0, 0)), constant_values=255)
        columns.append(cells.reshape(-1, cells.shape[2], 3))
    return np.concatenate(columns, axis=1)


def _title(axes: "Axes", jitter: Jitter, recipe: Sequence[str], base: int) -> None:
    title = {"on": "Colour jitter on", "off": "Colour jitter off", "histogram": "Histogram of another image"}[jitter]
    axes.text(MARGIN, base - 6, title, fontsize=12, weight="bold", color=INK, va="bottom")
    for number, line in enumerate(recipe):
        axes.text(MARGIN, base + number * LINE + 7, line, fontsize=8.5, color=FAINT, va="center")


def _column_names(axes: "Axes", arms: Sequence[str], top: int, cell: int) -> None:
    """The name of each pair of columns and a line under it, above row `top`."""
    axes.text(MARGIN + cell / 2, top - 6, "image", fontsize=8.5, color=INK, ha="center", va="bottom")
    pair = 2 * cell + GAP
    for number, arm in enumerate(arms):
        left = MARGIN + cell + WIDE_GAP + GAP + number * (pair + WIDE_GAP + GAP)
        axes.text(left + pair / 2, top - 6, arm, fontsize=8.5, color=INK, ha="center", va="bottom")
        axes.plot([left, left + pair], [top - 4, top - 4], color=INK, linewidth=0.8, solid_capstyle="butt")


def _recipe(settings: ViewSettings, jitter: Jitter) -> str:
    """In words, what happens to a view besides the shuffle."""
    low, high = settings.crop_scale
    words = [f"crop of {low:.0%} to {high:.0%} of the area", f"flip p {settings.flip:g}"]
    chosen = settings.model_copy(update={"jitter": jitter})
    words += [said for augmentation in AUGMENTATIONS if (said := augmentation.words(chosen))]
    if settings.random_bits:
        words.append(f"random bits {settings.random_bits} (not shown)")
    return ", ".join(words) + "; two views of each image under every arm"
