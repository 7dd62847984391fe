import numpy as np
import pytest
import torch

from barlowcli.data.draws import Stream, raw, uniform

MASK = 2**64 - 1


def philox_4x64(counter: list[int], key: list[int]) -> list[int]:
    """Salmon et al. 2011, section 3.4, ten rounds, in plain integers."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [(second >> 64) ^ c[1] ^ k[0], second & MASK, (first >> 64) ^ c[3] ^ k[1], first & MASK]
        k = [(k[0] + 0x9E3779B97F4A7C15) & MASK, (k[1] + 0xBB67AE8584CAA73B) & MASK]
    return c


@pytest.mark.parametrize("seed", [0, 7, -1, 2**63])
def test_raw_numbers_are_philox_of_seed_and_stream(seed: int) -> None:
    key = [seed % 2**64, Stream.COLOUR]
    expected = [value for block in (1, 2) for value in philox_4x64([block, 0, 0, 0], key)]
    assert raw(seed, Stream.COLOUR, 7).tolist() == expected[:7]


def test_streams_and_seeds_differ_and_longer_draws_begin_alike() -> None:
    assert raw(0, Stream.LIMIT, 5).tolist() == raw(0, Stream.LIMIT, 9).tolist()[:5]
    starts = {int(raw(seed, stream, 1)[0]) for seed in range(20) for stream in Stream}
    assert len(starts) == 20 * len(Stream)


def test_uniform_fills_the_unit_interval_and_leaves_torch_alone() -> None:
    state = torch.get_rng_state()
    values = uniform(3, Stream.TIE, 20_000)
    assert torch.equal(torch.get_rng_state(), state)
    assert values.min() >= 0
    assert values.max() < 1
    counts = np.histogram(values, bins=10, range=(0, 1))[0]
    assert np.abs(counts - 2000).max() < 5 * np.sqrt(2000)
