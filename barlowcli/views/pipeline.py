"""From resident uint8 images to views: crop and flip, colour, blur, solarise, histogram, shuffle, normalise, bits."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from barlowcli.errors import DataError
from barlowcli.settings.views import ViewSettings
from barlowcli.views.bits import append_bits, append_zeros
from barlowcli.views.blur import gaussian_blur
from barlowcli.views.colour import Jitter, colour_jitter, draw_jitter, greyscale, solarise
from barlowcli.views.crop import Boxes, draw_boxes, resized_crop
from barlowcli.views.histogram import draw_partners, match
from barlowcli.views.random import Draws, Number
from barlowcli.views.shuffle import load_arm
from barlowcli.views.subset import where_drawn_

PROBE_EPOCH = -1  # training's epochs start at 0: no probe image is ever drawn as a view was
CHUNK = 400_000  # floats: what is worked on at a time on a CPU, so that it stays in the cache (measured)


class Drawn(NamedTuple):
    """All parameters of a batch of views; None: the stage is switched off."""

    boxes: Boxes
    flip: Tensor
    jitter: Jitter | None
    greyscale: Tensor | None
    blur: tuple[Tensor, Tensor] | None  # which samples, and sigma
    solarise: Tensor | None
    partner: Tensor | None


def _narrow(value: Any, rows: slice) -> Any:
    """The rows of every tensor in nested tuples."""
    if value is None:
        return None
    if isinstance(value, Tensor):
        return value[rows]
    parts = [_narrow(part, rows) for part in value]
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


class AugmentedViews:
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
        return self.settings.blur[0] == self.settings.blur[1] and self.settings.solarize[0] == self.settings.solarize[1]

    def __call__(self, images: Tensor, index: Tensor, *, epoch: int | Tensor, view: int | Tensor) -> Tensor:
        """Normalised views, float32 (B, 3 + b, S, S): the colours, then the image's b = random_bits bits.

        images: uint8 (N, 3, H, W), the whole data set; index (B,) int64, on the same device: which of them. epoch:
        from 0, an int or an int64 tensor () on the device; view: 0 or 1, where both are `alike` also as an int64
        tensor () on the device. Raises DataError on other shapes or types.
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
            drawn = self._draw(draws, images, view if isinstance(view, int) else 0)
            parts = [
                finish(self._make(images, draws.narrow(rows), _narrow(drawn, rows)))
                for rows in self._chunks(len(index), images)
            ]
            return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _chunks(self, count: int, images: Tensor) -> Iterator[slice]:
        pixels = 3 * max(images.shape[2] * images.shape[3], self.image_size**2)
        step = max(1, CHUNK // pixels) if images.device.type == "cpu" else max(1, count)
        return (slice(start, start + step) for start in range(0, max(1, count), step))

    def _draw(self, draws: Draws, images: Tensor, view: int) -> Drawn:
        s = self.settings
        strengths = {"brightness": s.brightness, "contrast": s.contrast, "saturation": s.saturation, "hue": s.hue}
        jitter = draw_jitter(draws, probability=s.jitter_probability, **strengths) if s.jitter == "on" else None
        blur = (draws.chance(Number.BLUR, s.blur[view]), draws.uniform(Number.BLUR_SIGMA, *s.blur_sigma))
        return Drawn(
            boxes=draw_boxes(draws, images.shape[2], images.shape[3], s.crop_scale, s.crop_ratio),
            flip=draws.chance(Number.FLIP, s.flip),
            jitter=jitter,
            greyscale=draws.chance(Number.GREYSCALE, s.grayscale_probability) if s.turns_grey else None,
            blur=blur if s.blur[view] else None,
            solarise=draws.chance(Number.SOLARISE, s.solarize[view]) if s.solarize[view] else None,
            partner=draw_partners(draws, len(images)) if s.jitter == "histogram" else None,
        )

    def _make(self, images: Tensor, draws: Draws, drawn: Drawn) -> Tensor:
        s = self.settings
        source = self.arm.before(images.index_select(0, draws.index), draws.index)
        views = resized_crop(
            to_float(source), drawn.boxes, self.image_size, flip=drawn.flip, interpolation=s.interpolation
        )
        if drawn.jitter is not None:
            views = colour_jitter(views, drawn.jitter)
        if drawn.greyscale is not None:
            views = where_drawn_(views, drawn.greyscale, greyscale)
        if drawn.blur is not None:
            views = where_drawn_(views, drawn.blur[0], gaussian_blur, drawn.blur[1])
        if drawn.solarise is not None:
            views = where_drawn_(views, drawn.solarise, solarise)
        if drawn.partner is not None:
            views = match(views, to_float(images.index_select(0, drawn.partner)), draws)
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


def to_float(images: Tensor) -> Tensor:
    """Uint8 images as float32 in [0, 1]."""
    return images.to(torch.float32).div_(255)


def normalise_(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(x - mean) / std in each channel of float images (B, 3, H, W), in place."""
    # by channel, with plain numbers: a tensor of means would have to be copied to the device for every batch
    for channel, (centre, spread) in enumerate(zip(mean, std, strict=True)):
        images[:, channel].sub_(centre).div_(spread)
    return images


def check_images(images: Tensor) -> None:
    """Raise DataError unless images are uint8 (N, 3, H, W), N at least 1."""
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3 or not len(images):
        raise DataError(
            f"images must be uint8 of shape (N, 3, H, W), got {images.dtype} of {tuple(images.shape)}",
            hint="greyscale images are repeated to three channels by the data loaders",
        )


def check_index(index: Tensor, images: Tensor) -> None:
    """Raise DataError unless index is int64 (B,) on the device of the images."""
    if index.dtype != torch.int64 or index.ndim != 1 or index.device != images.device:
        raise DataError(
            f"index must be int64 of shape (B,) on {images.device}, "
            f"got {index.dtype} of {tuple(index.shape)} on {index.device}"
        )
