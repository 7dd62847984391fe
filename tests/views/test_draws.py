"""Draws: the hash against its published values, uniformity, independence of each coordinate, permutations."""

import hashlib
import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from barlowcli.errors import BarlowError
from barlowcli.views import random
from barlowcli.views.random import (
    Draws,
    Number,
    check_draws,
    permutation_one,
    sort_rows,
    splitmix64,
    splitmix64_int,
)

N = 20_000
MASK = (1 << 64) - 1

# The first outputs of the reference C code (Vigna, https://prng.di.unimi.it/splitmix64.c) seeded with 1234567
REFERENCE = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]


def unsigned(values: Tensor) -> list[int]:
    return [int(v) & MASK for v in values.flatten()]


def splitmix64_c(state: int, number: int) -> int:
    """The reference's next(), called number + 1 times."""
    for _ in range(number % (1 << 64) + 1 if number >= 0 else 0):
        state = (state + 0x9E3779B97F4A7C15) & MASK
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def test_the_hash_is_splitmix64() -> None:
    numbers = torch.arange(5)
    assert unsigned(splitmix64(1234567, numbers)) == REFERENCE
    assert unsigned(splitmix64(torch.tensor([1234567]), numbers)) == REFERENCE
    assert [splitmix64_int(1234567, n) for n in range(5)] == REFERENCE


def test_a_word_is_the_nested_hash_of_its_coordinates() -> None:
    draws = Draws.of(seed=12, epoch=3, view=1, index=torch.tensor([40, 7]))
    for row, index in enumerate((40, 7)):
        key = 12
        for coordinate in (1, 3, index):
            key = splitmix64_c(key, coordinate)
        assert unsigned(draws.words[row]) == [splitmix64_c(key, n) for n in Number]
        pixels = splitmix64_c(key, Number.PIXELS)
        assert unsigned(draws.bits(Number.PIXELS, 4)[row]) == [splitmix64_c(pixels, e) for e in range(4)]


def test_uniforms_are_the_top_bits() -> None:
    draws = Draws.of(0, 0, 0, torch.arange(50))
    assert [int(u * 2**24) for u in draws.uniform(Number.HUE)] == [
        w >> 40 for w in unsigned(draws.words[:, Number.HUE])
    ]


def test_numbers_have_no_gap() -> None:
    assert [int(n) for n in Number] == list(range(len(Number)))


def test_draws_of_old_cells_stay_what_they_were() -> None:
    """The first 23 numbers, names and words, as they were before others were added."""
    words = Draws.of(3, 5, 1, torch.tensor([7])).words[0, :23].tolist()
    drawn = "\n".join(f"{Number(number).name} {word}" for number, word in enumerate(words))
    assert hashlib.sha256(drawn.encode()).hexdigest() == (
        "4ceb1253e21cd49c0a5e52148ba2171680c9bab14751372e3e26123cf0ae9a57"
    )


def coordinates() -> dict[str, Callable[[], Tensor]]:
    """One uniform draw along each coordinate, all others fixed."""
    one = torch.tensor([5])
    return {
        "index": lambda: Draws.of(1, 2, 0, torch.arange(N)).uniform(Number.FLIP),
        "element": lambda: Draws.of(1, 2, 0, one).uniforms(Number.CROP_AREA, N)[0],
        "epoch": lambda: torch.cat([Draws.of(1, e, 0, one).uniform(Number.FLIP) for e in range(N // 10)]),
        "seed": lambda: torch.cat([Draws.of(s, 2, 0, one).uniform(Number.FLIP) for s in range(N // 10)]),
        "view": lambda: torch.stack([Draws.of(1, 2, v, torch.arange(N)).uniform(Number.FLIP) for v in (0, 1)], 1),
        "number": lambda: Draws.of(1, 2, 0, torch.arange(N)).units[:, :22],
    }


@pytest.mark.parametrize("name", coordinates())
def test_uniform_and_independent_along_each_coordinate(name: str) -> None:
    u = coordinates()[name]().flatten().numpy()
    counts = np.bincount((u * 64).astype(int), minlength=64)
    assert stats.chisquare(counts).pvalue > 1e-3
    pairs = np.histogram2d(u[:-1:2], u[1::2], bins=8, range=[[0, 1], [0, 1]])[0]  # neighbours along the coordinate
    assert stats.chisquare(pairs.flatten()).pvalue > 1e-3


def test_every_bit_is_fair() -> None:
    words = Draws.of(3, 1, 1, torch.arange(N)).bits(Number.PIXELS, 4).flatten()
    ones = np.array([int(((words >> bit) & 1).sum()) for bit in range(64)])
    z = (ones - len(words) / 2) / np.sqrt(len(words) / 4)
    assert np.abs(z).max() < 4
    assert stats.kstest(z, "norm").pvalue > 1e-3


def test_a_sample_draws_the_same_in_every_batch() -> None:
    whole = Draws.of(9, 4, 1, torch.arange(100))
    some = torch.tensor([97, 3, 3, 50])
    part = Draws.of(9, 4, 1, some)
    for name in ("words", "units"):
        assert torch.equal(getattr(part, name), getattr(whole, name)[some])
    assert torch.equal(part.permutation(Number.PIXELS, 30), whole.permutation(Number.PIXELS, 30)[some])
    assert torch.equal(whole.narrow(slice(10, 20)).bits(Number.BLOCKS, 3), whole.bits(Number.BLOCKS, 3)[10:20])


def test_each_coordinate_changes_every_draw() -> None:
    index = torch.arange(200)
    base = Draws.of(0, 0, 0, index).words
    others = (Draws.of(1, 0, 0, index), Draws.of(0, 1, 0, index), Draws.of(0, 0, 1, index), Draws.of(0, -1, 0, index))
    assert all((other.words != base).all() for other in others)


def test_epoch_may_be_a_tensor() -> None:
    index = torch.arange(10)
    for epoch in (0, 7, -1):
        assert torch.equal(Draws.of(5, torch.tensor(epoch), 1, index).words, Draws.of(5, epoch, 1, index).words)


def test_ranges() -> None:
    draws = Draws.of(0, 0, 0, torch.arange(N))
    u = draws.uniform(Number.BLUR_SIGMA, 0.1, 2.0)
    assert 0.1 <= u.min() < 0.101
    assert 1.999 < u.max() < 2.0
    assert not draws.chance(Number.FLIP, 0).any()
    assert draws.chance(Number.FLIP, 1).all()
    assert stats.binomtest(int(draws.chance(Number.FLIP, 0.2).sum()), N, 0.2).pvalue > 1e-3


def test_below_is_uniform_under_every_bound() -> None:
    draws = Draws.of(0, 0, 0, torch.arange(N))
    assert stats.chisquare(np.bincount(draws.below(Number.PARTNER, 24), minlength=24)).pvalue > 1e-3
    bounds = torch.arange(N) % 7 + 1
    values = draws.below(Number.CROP_TOP, bounds)
    for bound in range(1, 8):
        counts = np.bincount(values[bounds == bound], minlength=bound)
        assert len(counts) == bound
        assert bound == 1 or stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("n", [1, 2, 7, 64, 1000])
def test_permutations_are_permutations(n: int) -> None:
    orders = Draws.of(2, 0, 0, torch.arange(20)).permutations(Number.CHANNELS, 3, n)
    assert orders.shape == (20, 3, n)
    assert torch.equal(orders.sort(2).values, torch.arange(n).expand(20, 3, n))


def test_permutations_are_uniform() -> None:
    draws = Draws.of(2, 0, 0, torch.arange(N))
    names = {p: k for k, p in enumerate(itertools.permutations(range(4)))}
    counts = np.bincount([names[tuple(p)] for p in draws.permutation(Number.PIXELS, 4).tolist()], minlength=24)
    assert stats.chisquare(counts).pvalue > 1e-3
    big = draws.narrow(slice(0, 3000)).permutation(Number.PIXELS, 1024)
    table = np.histogram2d((big.numpy() // 128).ravel(), np.tile(np.arange(1024) // 128, 3000), bins=8)[0]
    # both margins are fixed, so the variance of a cell is E (7/8)^2 1024/1023 and Pearson's statistic has 49 degrees
    statistic = ((table - table.mean()) ** 2 / table.mean()).sum() * 1023 / 1024
    assert 1e-3 < stats.chi2.sf(statistic, 49) < 1 - 1e-3


def test_channels_and_numbers_permute_independently() -> None:
    draws = Draws.of(2, 0, 0, torch.arange(300))
    three = draws.permutations(Number.CHANNELS, 3, 64).float()
    other = draws.permutation(Number.PIXELS, 64).float()
    for a, b in itertools.combinations((*three.unbind(1), other), 2):
        assert abs(stats.pearsonr(a.flatten(), b.flatten()).statistic) < 0.03


def test_one_permutation_depends_on_its_seed_alone() -> None:
    assert torch.equal(permutation_one(4, 100), permutation_one(4, 100))
    assert torch.equal(permutation_one(4, 100).sort().values, torch.arange(100))
    assert not torch.equal(permutation_one(4, 100), permutation_one(5, 100))


def test_both_ways_of_sorting_agree() -> None:
    keys = Draws.of(0, 0, 0, torch.arange(6)).bits(Number.PIXELS, 500)
    assert torch.equal(sort_rows(keys), torch.sort(keys, dim=1).values)
    assert torch.equal(sort_rows(keys.float()), torch.sort(keys.float(), dim=1).values)


def test_torchs_own_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    Draws.of(0, 0, 0, torch.arange(6)).permutation(Number.PIXELS, 10)
    assert torch.equal(before, torch.get_rng_state())


def test_a_device_that_draws_other_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_draws("cpu")
    sound = random.sort_rows
    halves = iter((sound, lambda keys: sound(keys).flip(-1)))  # the second device sorts wrong
    monkeypatch.setattr(random, "sort_rows", lambda keys: next(halves)(keys))
    with pytest.raises(BarlowError, match="--device cpu draws other random numbers than the processor") as caught:
        check_draws("cpu")
    assert caught.value.hint.startswith("--device cpu, or newer versions")
