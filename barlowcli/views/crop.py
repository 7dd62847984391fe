"""Random resized crop and flip, another box for every sample."""

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from barlowcli.views.random import Draws, Number

TRIES = 10  # of torchvision.transforms.v2.RandomResizedCrop.make_params
CUBIC = -0.5  # torch's coefficient of bicubic interpolation with antialias (Keys 1981); without it, torch's is -.75
Interpolation = Literal["bilinear", "bicubic"]


class Boxes(NamedTuple):
    """Crops in whole pixels, int64 (B,) each."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor


def draw_boxes(draws: Draws, height: int, width: int, scale: tuple[float, float], ratio: tuple[float, float]) -> Boxes:
    """Draw crops with the distribution of torchvision's RandomResizedCrop.

    scale: range of the area as a fraction of the image; ratio: range of width / height, drawn on a log scale. Ten
    candidates, the first that fits is taken; where none does, the largest central crop within `ratio`. A side that
    rounds to 0 is one pixel (torchvision rejects such a candidate, and takes the whole image where all ten are such).
    """
    # float64, so that two devices' exp and sqrt round to the same pixel (Apple's GPUs have no float64)
    wide = torch.float32 if draws.index.device.type == "mps" else torch.float64
    area = draws.uniforms(Number.CROP_AREA, TRIES).to(wide).mul_(scale[1] - scale[0]).add_(scale[0]) * (height * width)
    low, high = math.log(ratio[0]), math.log(ratio[1])
    aspect = draws.uniforms(Number.CROP_RATIO, TRIES).to(wide).mul_(high - low).add_(low).exp_()
    widths = (area * aspect).sqrt_().round_().clamp_min_(1)  # (B, TRIES)
    heights = (area / aspect).sqrt_().round_().clamp_min_(1)
    fits = (widths <= width) & (heights <= height)
    first = (fits * torch.arange(TRIES, 0, -1, device=area.device)).argmax(1, keepdim=True)
    fallback = _central_size(height, width, ratio)
    found = fits.any(1)
    box_height = torch.where(found, heights.gather(1, first).squeeze(1).long(), fallback[0])
    box_width = torch.where(found, widths.gather(1, first).squeeze(1).long(), fallback[1])
    top, left = height - box_height, width - box_width
    return Boxes(
        torch.where(found, draws.below(Number.CROP_TOP, top + 1), top // 2),
        torch.where(found, draws.below(Number.CROP_LEFT, left + 1), left // 2),
        box_height,
        box_width,
    )


def _central_size(height: int, width: int, ratio: tuple[float, float]) -> tuple[int, int]:
    """Height and width of torchvision's fallback crop, but at least one pixel."""
    if width / height < min(ratio):
        return max(1, round(width / min(ratio))), width
    if width / height > max(ratio):
        return height, max(1, round(height * max(ratio)))
    return height, width


def resized_crop(
    images: Tensor, boxes: Boxes, size: int, *, flip: Tensor | None = None, interpolation: Interpolation = "bilinear"
) -> Tensor:
    """Crop every image to its box, resize it to size x size, and mirror it where `flip` (B,) is true.

    images (B, C, H, W) float in [0, 1] -> (B, C, size, size) in [0, 1]. Equals torchvision's `resized_crop` with
    antialias=True (the default of RandomResizedCrop) and then `horizontal_flip`, clamped, since bicubic overshoots.
    """
    if interpolation == "bilinear" and max(images.shape[2:]) <= size:
        return _bilinear_crop(images, boxes, size, flip).clamp_(0, 1)  # rounding alone
    rows = resize_weights(boxes.top, boxes.height, images.shape[2], size, interpolation)
    columns = resize_weights(boxes.left, boxes.width, images.shape[3], size, interpolation, flip)
    tall = rows.unsqueeze(1) @ images  # (B, C, size, W)
    wide = tall.flatten(1, 2) @ columns.mT  # (B, C * size, size)
    return wide.view(*tall.shape[:3], size).clamp_(0, 1)


def _bilinear_crop(images: Tensor, boxes: Boxes, size: int, flip: Tensor | None) -> Tensor:
    """The crop where no box is larger than the target, so that a target pixel lies between two source pixels of each
    axis and antialiasing changes nothing."""
    rows = _places(boxes.top, boxes.height, images.shape[2], size)
    columns = _places(boxes.left, boxes.width, images.shape[3], size, flip)
    grid = torch.stack(torch.broadcast_tensors(columns.unsqueeze(1), rows.unsqueeze(2)), 3)  # (B, S, S, 2)
    # `_places` leaves nothing beyond the outermost pixels, where torch before 2.13 knows no border on Apple's devices
    padding = "zeros" if images.device.type == "mps" else "border"
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def _places(start: Tensor, length: Tensor, source: int, target: int, flip: Tensor | None = None) -> Tensor:
    """Where on an axis of `source` pixels each target pixel is read, (B, target), as `grid_sample` counts: -1 and 1 are
    its ends. What lies outside the middles of the box's outermost pixels is read there, as the box's edge."""
    place = torch.arange(target, device=start.device) + 0.5  # (target,)
    if flip is not None:
        place = torch.where(flip.unsqueeze(1), target - place, place)  # (B, target)
    first = start.unsqueeze(1)  # (B, 1)
    inside = (place * (length / target).unsqueeze(1)).clamp_min(0.5)
    inside = torch.minimum(inside, length.unsqueeze(1) - 0.5)
    return (inside + first) * (2 / source) - 1


def resize_weights(
    start: Tensor, length: Tensor, source: int, target: int, interpolation: Interpolation, flip: Tensor | None = None
) -> Tensor:
    """Weight of every source pixel in every target pixel of one axis, (B, target, source); a row sums to 1.

    start, length (B,): the part of the axis that is cropped, in pixels. flip (B,): mirror the target axis. Formula:
    `_compute_indices_weights_aa` of torch (aten/src/ATen/native/cpu/UpSampleKernel.cpp), which is Pillow's.
    """
    device = start.device
    step = (length / target).unsqueeze(1)  # (B, 1) source pixels per target pixel
    place = torch.arange(target, device=device) + 0.5  # (target,)
    if flip is not None:
        place = torch.where(flip.unsqueeze(1), target - place, place)  # (B, target)
    centre = place * step + start.unsqueeze(1)  # (B, target)
    pixel = torch.arange(source, device=device)
    distance = ((pixel + 0.5) - centre.unsqueeze(2)).abs_()  # (B, target, source)
    if source > target:  # else no crop can be larger than the target, and antialiasing changes nothing
        distance /= step.clamp_min(1).unsqueeze(2)
    weights = _hat(distance) if interpolation == "bilinear" else _cubic(distance)
    inside = (pixel >= start.unsqueeze(1)) & (pixel < (start + length).unsqueeze(1))  # (B, source)
    weights *= inside.unsqueeze(1)
    return weights.div_(weights.sum(2, keepdim=True))


def _hat(distance: Tensor) -> Tensor:
    return torch.sub(1, distance).clamp_min_(0)


def _cubic(distance: Tensor) -> Tensor:
    """Keys 1981, "Cubic convolution interpolation for digital image processing", equation 15 with a = CUBIC."""
    near = ((CUBIC + 2) * distance - (CUBIC + 3)) * distance * distance + 1
    far = (((distance - 5) * distance + 8) * distance - 4) * CUBIC
    return torch.where(distance < 1, near, torch.where(distance < 2, far, 0.0))
