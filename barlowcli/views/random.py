"""Stateless draws: every random number is a pure function of (seed, view, epoch, sample index, number, element).

There is no generator and no state: a resumed run, another batch, another rank and another device draw the same.
The hash is SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators", Figure 16, with
Stafford's mix 13), applied once a coordinate: coordinate v picks output v of the generator seeded with the key so far.
All of it is wrapping int64 arithmetic, hence the same bits on every device.
"""

from dataclasses import dataclass
from enum import IntEnum, unique

import numpy as np
import torch
from torch import Tensor

from barlowcli.errors import BarlowError

GAMMA = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd: the increment of SplitMix64
MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
SHIFTS = (30, 27, 31)
WORD = 1 << 64
UNGAMMA = pow(GAMMA, -1, WORD)
CHECKED = 8
"""Images whose draws on a device are compared with those on the processor."""


@unique
class Number(IntEnum):
    """The draw numbers in use, from 0: two uses never share one, and values never change, lest old cells differ."""

    CROP_AREA = 0
    CROP_RATIO = 1
    CROP_TOP = 2
    CROP_LEFT = 3
    FLIP = 4
    JITTER = 5
    JITTER_ORDER = 6
    BRIGHTNESS = 7
    CONTRAST = 8
    SATURATION = 9
    HUE = 10
    GREYSCALE = 11
    BLUR = 12
    BLUR_SIGMA = 13
    SOLARISE = 14
    PARTNER = 15
    PARTNER_TIES = 16
    EQUALISE_TIES = 17
    PIXELS = 18
    CHANNELS = 19
    BLOCKS = 20
    FIXED = 21
    IMAGE_PIXELS = 22
    RANDOM_BITS = 23


def _signed(value: int) -> int:
    value %= WORD
    return value - WORD if value >= WORD // 2 else value


def _mix(z: Tensor) -> Tensor:
    """SplitMix64's finaliser, overwriting `z` (int64)."""
    shifted = torch.empty_like(z)
    for shift, multiplier in zip(SHIFTS, (*MULTIPLIERS, None), strict=True):
        # int64 shifts drag the sign along; the mask makes them the unsigned shifts of the original
        torch.bitwise_right_shift(z, shift, out=shifted)
        z.bitwise_xor_(shifted.bitwise_and_((1 << (64 - shift)) - 1))
        if multiplier is not None:
            z.mul_(_signed(multiplier))
    return z


def splitmix64(key: int | Tensor, value: Tensor) -> Tensor:
    """Output number `value` (from 0) of the SplitMix64 generator seeded with `key`, as signed 64-bit integers.

    value, and key unless it is an int: int64, of shapes that broadcast against one another.
    """
    # key + (value + 1) GAMMA, multiplied last: torch.compile takes an arange times a number for index arithmetic,
    # which it does in types that overflow (torch 2.15: wrong numbers on a CPU)
    start = _signed(key * UNGAMMA + 1) if isinstance(key, int) else key * _signed(UNGAMMA) + 1
    return _mix((value + start).mul_(_signed(GAMMA)))


def splitmix64_int(key: int, value: int) -> int:
    """The same number for plain ints, in [0, 2^64)."""
    z = (key + (value + 1) * GAMMA) % WORD
    for shift, multiplier in zip(SHIFTS, (*MULTIPLIERS, 1), strict=True):
        z = (z ^ (z >> shift)) * multiplier % WORD
    return z


def _chained(key: int | Tensor, value: int | Tensor, device: torch.device) -> int | Tensor:
    """`splitmix64` of numbers of either kind: of ints an int, else a tensor ()."""
    if isinstance(value, Tensor):
        return splitmix64(key, value)
    if isinstance(key, Tensor):
        return splitmix64(key, torch.full((), value, dtype=torch.int64, device=device))  # a copy would be a host's wait
    return splitmix64_int(key, value)


def sort_rows(keys: Tensor) -> Tensor:
    """Sort (..., n) along the last dimension."""
    if keys.device.type == "mps":  # wrong there before torch 2.13: github.com/pytorch/pytorch/issues/155560
        return torch.sort(keys.cpu(), dim=-1).values.to(keys.device)
    if keys.device.type == "cpu" and not torch.compiler.is_compiling():
        return torch.from_numpy(np.sort(keys.numpy(), axis=-1))  # 5 times torch's speed: int64, n = 1024, AVX2
    return torch.sort(keys, dim=-1).values


def low_bits(n: int) -> int:
    """The mask of the bits that a position below `n` needs at the low end of a sort key."""
    return (1 << (n - 1).bit_length()) - 1


@dataclass(frozen=True, eq=False)
class Draws:
    """The random numbers of one view of a batch of samples; made by `Draws.of`.

    index (B,) int64: which samples of the data set. words (B, len(Number)) int64: one word for each draw number, which
    is the scalar drawn, or the key of the generator of the many. units: the words as float32 in [0, 1).
    """

    index: Tensor
    words: Tensor
    units: Tensor

    @classmethod
    def of(cls, seed: int | Tensor, epoch: int | Tensor, view: int | Tensor, index: Tensor) -> "Draws":
        """All draws of `view` in `epoch` for the samples `index`, int64 (B,).

        seed, epoch, view: ints, or int64 tensors () on the device of `index`, so that a captured graph can be replayed
        for another epoch, and compiled code serves another seed and the other view.
        """
        era = _chained(_chained(seed, view, index.device), epoch, index.device)
        numbers = torch.arange(len(Number), device=index.device)
        words = splitmix64(splitmix64(era, index).unsqueeze(1), numbers)
        return cls(index, words, _units(words))

    def narrow(self, rows: slice) -> "Draws":
        """The draws of some of the samples."""
        return Draws(self.index[rows], self.words[rows], self.units[rows])

    def bits(self, number: int, count: int) -> Tensor:
        """64 random bits each, int64 (B, count)."""
        return splitmix64(self.words[:, number, None], torch.arange(count, device=self.words.device))

    def uniforms(self, number: int, count: int) -> Tensor:
        """Uniform in [0, 1), multiples of 2^-24, float32 (B, count)."""
        return _units(self.bits(number, count))

    def uniform(self, number: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform in [low, high), float32 (B,)."""
        return (self.units[:, number] * (high - low)).add_(low)

    def chance(self, number: int, probability: float) -> Tensor:
        """True with `probability` (never at 0, always at 1), bool (B,)."""
        return self.units[:, number] < probability

    def below(self, number: int, bound: int | Tensor) -> Tensor:
        """Integers in [0, bound), int64 (B,); bound: below 2^31, an int or int64 (B,).

        Lemire 2019, "Fast random integer generation in an interval", without his rejection step: uniform to
        bound / 2^32.
        """
        top = (self.words[:, number] >> 32).bitwise_and_((1 << 32) - 1)
        return top.mul_(bound).bitwise_right_shift_(32)

    def permutations(self, number: int, count: int, n: int) -> Tensor:
        """Independent, uniform random permutations of range(n), int64 (B, count, n).

        They are the order of n random keys. The position rides in a key's low bits, so values are sorted and no
        argsort is needed. 64 - log2(n) random bits remain: at n = 1024 two keys of a row tie once in 10^10 rows.
        """
        mask = low_bits(n)
        keys = self.bits(number, count * n).view(-1, count, n).bitwise_and_(~mask)
        keys.bitwise_or_(torch.arange(n, device=keys.device))
        return sort_rows(keys).bitwise_and_(mask)

    def permutation(self, number: int, n: int) -> Tensor:
        """Uniform random permutations of range(n), int64 (B, n)."""
        return self.permutations(number, 1, n).squeeze(1)


def _units(words: Tensor) -> Tensor:
    """The top 24 bits, all that float32 holds, as a fraction of 1."""
    return (words >> 40).bitwise_and_((1 << 24) - 1).to(torch.float32).mul_(2.0**-24)


def check_draws(device: str) -> None:
    """Raise BarlowError where `device` draws other numbers than the processor: wrong integer arithmetic gives no error,
    and would make other views."""
    index = torch.arange(CHECKED)
    here, there = Draws.of(0, 1, 1, index), Draws.of(0, 1, 1, index.to(device))
    pairs = [
        (here.words, there.words),
        (here.units, there.units),
        (here.below(Number.PARTNER, 1000), there.below(Number.PARTNER, 1000)),
        (here.permutation(Number.PIXELS, 1024), there.permutation(Number.PIXELS, 1024)),
    ]
    if not all(torch.equal(ours, theirs.cpu()) for ours, theirs in pairs):
        raise BarlowError(
            f"--device {device} draws other random numbers than the processor: its integer arithmetic is wrong",
            hint="--device cpu, or newer versions of torch and of the operating system",
        )


def permutation_one(seed: int, n: int, *, device: torch.device | None = None) -> Tensor:
    """One uniform random permutation of range(n), int64 (n,), from `seed` alone."""
    index = torch.zeros(1, dtype=torch.int64, device=device)
    return Draws.of(seed, 0, 0, index).permutation(Number.FIXED, n).squeeze(0)
