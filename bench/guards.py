"""Which guard lets a contrast be tested by the variance pooled over all arms: errors and power by simulation.

    python -m bench.calibration --only guards

A difference of two arms among 6, 8 or 14, judged at .025 a side. Error: the highest over the numbers of arms, where one
or both of the arms compared scatter 1, 1.25, 1.5, 2, 2.8 or 4 times as much as the others. Power: all of 8 arms scatter
alike, the effect is 1, 2 or 3 standard deviations of the difference over seeds.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, fdtrc, stdtr

SIDE = 0.025
ARMS = (6, 8, 14)
SCATTER = (1.0, 1.25, 1.5, 2.0, 2.8, 4.0)
Array = npt.NDArray[np.float64]


def guards(reports: int) -> Iterator[dict[str, Any]]:
    """A row for every number of seeds and rule; 40 draws for every report asked for."""
    for n in (3, 5, 10):
        draws = 40 * reports
        worst: dict[str, float] = {}
        for arms in ARMS:
            for noisy, ratio in [(2, ratio) for ratio in SCATTER] + [(1, 2.0), (1, 2.8)]:
                for rule, rate in rates(n, arms, noisy, ratio, 0.0, draws).items():
                    worst[rule] = max(worst.get(rule, 0.0), rate)
        power = {size: rates(n, 8, 0, 1.0, size, draws) for size in (1, 2, 3)}
        for rule, error in worst.items():
            yield {"n": n, "rule": rule, "error": error, **{f"power {size}": power[size][rule] for size in power}}


def rates(n: int, arms: int, noisy: int, ratio: float, effect: float, draws: int) -> dict[str, float]:
    """Rule -> share of draws in which it says that the first arm is above the second."""
    rng = np.random.default_rng([n, arms, noisy, int(100 * ratio), int(effect)])
    scatter = np.ones(arms)
    scatter[:noisy] = ratio
    x = rng.standard_normal((draws, arms, n)) * scatter[:, None]
    difference = x[:, 0] - x[:, 1]
    mean = difference.mean(1) + effect * np.sqrt(scatter[0] ** 2 + scatter[1] ** 2)
    own, variances = difference.var(1, ddof=1), x.var(2, ddof=1)
    pooled, df = variances.mean(1), arms * (n - 1)
    both = variances[:, :2].sum(1)
    degrees = (n - 1) * both**2 / (variances[:, :2] ** 2).sum(1)
    by_pair, by_pool, by_welch = (
        stdtr(d, -mean / np.sqrt(v / n)) <= SIDE for d, v in ((n - 1, own), (df, 2 * pooled), (degrees, both))
    )
    alike = bartlett(variances, n)
    of_pair, of_arms = fdtrc(n - 1, df, own / (2 * pooled)), fdtrc(degrees, df, both / (2 * pooled))
    found = {"paired": by_pair, "pooled without a guard": by_pool, "Welch": by_welch}
    for level in (0.05, 0.2, 0.5):
        found[f"pooled where Bartlett's p > {level}, else paired"] = np.where(alike > level, by_pool, by_pair)
    for level in (0.05, 0.2, 0.5):
        found[f"pooled where F of the pairs has p > {level}, else paired"] = np.where(of_pair > level, by_pool, by_pair)
    for level in (0.05, 0.2, 0.5):
        found[f"pooled where F of the two arms has p > {level}, else Welch"] = np.where(
            of_arms > level, by_pool, by_welch
        )
    used = (alike > 0.05) & (of_arms > 0.5)
    found["pooled where Bartlett's p > 0.05 and F of the two arms has p > 0.5, else Welch"] = np.where(
        used, by_pool, by_welch
    )
    return {rule: float(said.mean()) for rule, said in found.items()}


def bartlett(variances: Array, n: int) -> Array:
    """p of Bartlett's test for each row of variances (draws, arms)."""
    arms = variances.shape[1]
    df = arms * (n - 1)
    excess = df * np.log(variances.mean(1)) - (n - 1) * np.log(variances).sum(1)
    return np.asarray(chdtrc(arms - 1, excess / (1 + (arms / (n - 1) - 1 / df) / (3 * (arms - 1)))))
