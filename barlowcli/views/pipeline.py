"""From resident uint8 images to views: crop and flip, colour, blur, solarise, histogram, shuffle, normalise, bits."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from barlowcli.errors import DataError
from barlowcli.settings.views import ViewSettings
from barlowcli.views.augmentations import AUGMENTATIONS, AugmentedSource
from barlowcli.views.base import Views
from barlowcli.views.bits import append_bits, append_zeros
from barlowcli.views.crop import Boxes, draw_boxes, resized_crop
from barlowcli.views.pixels import check_images, check_index, normalise_, to_float
from barlowcli.views.random import Draws, Number
from barlowcli.views.shuffle import load_arm

PROBE_EPOCH = -1  # training's epochs start at 0: no probe image is ever drawn as a view was
CHUNK = 400_000  # floats: what is worked on at a time on a CPU, so that it stays in the cache (measured)


class Drawn(NamedTuple):
    """All parameters of a batch of views. rest: of each of `AUGMENTATIONS`, None where it is switched off."""

    boxes: Boxes
    flip: Tensor
    rest: tuple[Any, ...]


def _narrow(value: Any, rows: slice) -> Any:
    """The rows of every tensor in nested tuples."""
    if value is None:
        return None
    if isinstance(value, Tensor):
        return value[rows]
    parts = [_narrow(part, rows) for part in value]
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


class AugmentedViews(Views):
    """Makes views: a pure function of (images, seed, epoch, view, sample index), whatever the batch or the device."""

    def __init__(
        self, settings: ViewSettings, *, image_size: int, mean: Sequence[float], std: Sequence[float], seed: int
    ) -> None:
        """image_size: side of the views in pixels; mean, std: of each channel, for images in [0, 1].

        Raises ConfigError where the shuffle arm is unknown or cannot be applied at this size.
        """
        self.settings = settings
        self.image_size = image_size
        self.mean, self.std = tuple(mean), tuple(std)
        self.seed: int | Tensor = seed
        self.arm = load_arm(settings.shuffle, image_size)

    @property
    def alike(self) -> bool:
        """Whether both views are made in the same way, so that only their draws differ."""
        return all(augmentation.alike(self.settings) for augmentation in AUGMENTATIONS)

    def __call__(self, images: Tensor, index: Tensor, *, epoch: int | Tensor, view: int | Tensor) -> Tensor:
        """Normalised views, float32 (B, 3 + b, S, S): the colours, then the image's b = random_bits bits.

        images: uint8 (N, 3, H, W), the whole data set; index (B,) int64, on the same device: which of them. epoch:
        from 0, an int or an int64 tensor () on the device; view: 0 or 1, where both are `alike` also as an int64
        tensor () or (B,), a view for each, on the device. Raises DataError on other shapes or types.
        """
        views = self._collect(images, index, epoch, view, lambda x: normalise_(x, self.mean, self.std))
        return append_bits(views, index, seed=self.seed, count=self.settings.random_bits)

    def pixels(self, images: Tensor, index: Tensor, *, epoch: int | Tensor, view: int | Tensor) -> Tensor:
        """The same views in [0, 1], before normalisation and without bits, float32 (B, 3, S, S)."""
        return self._collect(images, index, epoch, view, lambda x: x)

    def _collect(
        self,
        images: Tensor,
        index: Tensor,
        epoch: int | Tensor,
        view: int | Tensor,
        finish: Callable[[Tensor], Tensor],
    ) -> Tensor:
        check_images(images)
        check_index(index, images)
        if (isinstance(view, int) and view not in (0, 1)) or (isinstance(epoch, int) and epoch < 0):
            raise DataError(f"no view {view} of epoch {epoch}", hint="views are 0 and 1, epochs start at 0")
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            draws = Draws.of(self.seed, epoch, view, index)
            drawn = self._draw(AugmentedSource(images, draws), view if isinstance(view, int) else 0)
            parts = [
                finish(self._make(AugmentedSource(images, draws.narrow(rows)), _narrow(drawn, rows)))
                for rows in self._chunks(len(index), images)
            ]
            return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _chunks(self, count: int, images: Tensor) -> Iterator[slice]:
        pixels = 3 * max(images.shape[2] * images.shape[3], self.image_size**2)
        step = max(1, CHUNK // pixels) if images.device.type == "cpu" else max(1, count)
        return (slice(start, start + step) for start in range(0, max(1, count), step))

    def _draw(self, source: AugmentedSource, view: int) -> Drawn:
        settings, (images, draws) = self.settings, source
        return Drawn(
            boxes=draw_boxes(draws, images.shape[2], images.shape[3], settings.crop_scale, settings.crop_ratio),
            flip=draws.chance(Number.FLIP, settings.flip),
            rest=tuple(augmentation.draw(source, settings, view) for augmentation in AUGMENTATIONS),
        )

    def _make(self, source: AugmentedSource, drawn: Drawn) -> Tensor:
        images, draws = source
        whole = to_float(self.arm.before(images.index_select(0, draws.index), draws.index))
        interpolation = self.settings.interpolation
        views = resized_crop(whole, drawn.boxes, self.image_size, flip=drawn.flip, interpolation=interpolation)
        for augmentation, parameters in zip(AUGMENTATIONS, drawn.rest, strict=True):
            if parameters is not None:
                views = augmentation.apply(views, parameters, source)
        return self.arm.after(views, draws)


def probe_images(
    images: Tensor,
    index: Tensor,
    *,
    domain: str,
    seed: int,
    mean: Sequence[float],
    std: Sequence[float],
    random_bits: int = 0,
) -> Tensor:
    """Unaugmented images of a probe domain, normalised float32 (B, 3 + random_bits, H, W).

    images uint8 (B, 3, H, W); domain: a shuffle arm; random_bits: as many as the encoder's views had, here all 0.
    index (B,) int64: numbers of the images, on which their draws hang, so the parts of a data set (train, test) must
    not share any: were image i of test permuted as image i of train was, sets sorted by class would leak their labels
    through `equalise+pixels`.
    Raises ConfigError for an unknown domain or one that cannot be applied, DataError on other shapes or types.
    """
    arm = load_arm(domain)
    check_images(images)
    check_index(index, images)
    if len(index) != len(images):
        raise DataError(f"{len(index)} indices for {len(images)} images")
    with torch.no_grad():
        whole = to_float(arm.before(images, index))
        normalised = normalise_(arm.after(whole, Draws.of(seed, PROBE_EPOCH, 0, index)), mean, std)
        return append_zeros(normalised, count=random_bits)
