"""Ridge regression of many targets, its penalty chosen by generalised cross-validation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from barlowcli.evaluation.features import in_double, standardisation
from barlowcli.evaluation.memory import ROWS
from barlowcli.evaluation.spectrum import WIDEST, lanczos_quadrature, random_signs


@dataclass(frozen=True)
class Ridge:
    """A fitted regression of targets (N, B). weights: (F, B) on standardised features; mean, std: (F,) of the training
    features; centre: (B,) of the targets; penalty: the chosen one. Float64."""

    weights: Tensor
    mean: Tensor
    std: Tensor
    centre: Tensor
    penalty: float

    def predict(self, features: Tensor) -> Tensor:
        """Targets (M, B) of features (M, F)."""
        parts = _standardised(features, self.mean, self.std)
        return torch.cat([part @ self.weights for part in parts]) + self.centre


def fit_ridge(features: Tensor, targets: Tensor, *, penalties: Sequence[float]) -> Ridge:
    """Fit targets (N, B) from features (N, F).

    Minimises mean squared error + penalty ||W||^2 on features standardised by the training set, intercept free of
    penalty; scikit-learn's alpha is penalty N. The penalty minimises generalised cross-validation (Golub, Heath &
    Wahba 1979, equation 1.4); the stronger wins a tie. Computes in float64. Above 4,096 features the solution is as
    exact, but where N is above that too the trace in that criterion is estimated (`too_wide`), to 1 % or so.
    """
    y = in_double(targets)
    centre = y.mean(0)
    wide = features.shape[1] > WIDEST
    mean, std = _statistics(features) if wide else standardisation(in_double(features))
    solve = _by_solving if wide else _by_axes
    weights, penalty = solve(features, mean, std, y - centre, penalties)
    return Ridge(weights, mean, std, centre, penalty)


def _by_axes(
    features: Tensor, mean: Tensor, std: Tensor, y: Tensor, penalties: Sequence[float]
) -> tuple[Tensor, float]:
    """Weights (F, B) and the penalty, by the principal axes of the features: one decomposition for all penalties."""
    x = (in_double(features) - mean) / std
    values, axes = torch.linalg.eigh(x.T @ x)  # (F,), (F, F)
    values = values.clamp_min(0)
    projected = axes.T @ (x.T @ y)  # (F, B)
    energy, total = projected.square().sum(1), float(y.square().sum())

    def criterion(penalty: float) -> float:
        kept = values / (values + len(x) * penalty)  # (F,) eigenvalues of the hat matrix H
        explained = float((energy / (values + len(x) * penalty) * (2 - kept)).sum())
        freedom = len(x) - 1 - float(kept.sum())  # the mean takes one
        return _cross_validation(total - explained, freedom, len(x))

    penalty = min(sorted(penalties, reverse=True), key=criterion)
    return axes @ (projected / (values + penalty * len(x))[:, None]), penalty


def _by_solving(
    features: Tensor, mean: Tensor, std: Tensor, y: Tensor, penalties: Sequence[float]
) -> tuple[Tensor, float]:
    """The same by a Cholesky decomposition of the smaller Gram matrix for each penalty: a tenth of the work or less."""
    n, dual = len(features), len(features) < features.shape[1]
    gram, right = (_outer if dual else _inner)(features, mean, std, y)  # (S, S), (S, B): K and y, or X^T X and X^T y
    freedom = _freedom(gram, n)
    best: tuple[float, float, Tensor] | None = None
    for penalty in sorted(penalties, reverse=True):
        shifted = gram.clone()
        shifted.diagonal().add_(n * penalty)
        solution = torch.cholesky_solve(right, torch.linalg.cholesky(shifted))  # (S, B)
        # The part of y that is left: n penalty (K + n penalty)^-1 y, or by the normal equations from y^2 alone.
        left = (n * penalty * solution).square() if dual else -solution * (right + n * penalty * solution)
        rest = float(left.sum()) + (0.0 if dual else float(y.square().sum()))
        score = _cross_validation(rest, freedom(n * penalty), n)
        if best is None or score < best[0]:
            best = score, penalty, solution
    if best is None:
        raise ValueError("no penalties to choose from")
    _, penalty, solution = best
    return (_back(features, mean, std, solution) if dual else solution), penalty


def _cross_validation(rest: float, freedom: float, n: int) -> float:
    """Generalised cross-validation, n RSS / tr(I - H)^2. rest: RSS; freedom: tr(I - H)."""
    return n * max(rest, 0.0) / freedom**2


def _freedom(gram: Tensor, n: int) -> Callable[[float], float]:
    """Shift -> tr(I - H) of n rows: a sum of shift / (value + shift) over the eigenvalues of X X^T, but for that of the
    mean, which takes one. gram: (S, S), X^T X or X X^T. Only what is positive is summed, or an estimate would lose its
    digits where little is left."""
    dual = len(gram) == n
    if len(gram) <= WIDEST:
        values = torch.linalg.eigvalsh(gram).clamp_min(0)
        values = values[1:] if dual else values  # rows that add up to 0 have it as their least, 0
        return lambda shift: max(0, n - 1 - len(gram)) + float((shift / (values + shift)).sum())
    signs = random_signs(len(gram), gram)
    signs = signs - signs.mean(0) if dual else signs
    spectrum = lanczos_quadrature(lambda vectors: gram @ vectors, signs, len(gram) - dual)
    return lambda shift: max(0, n - 1 - len(gram)) + spectrum.sum(lambda values: shift / (values + shift))


def _statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """`standardisation` in float64, some columns at a time."""
    parts = [standardisation(in_double(part)) for part in features.split(max(1, ROWS // len(features)), dim=1)]
    return torch.cat([mean for mean, _ in parts]), torch.cat([std for _, std in parts])


def _standardised(features: Tensor, mean: Tensor, std: Tensor) -> Iterator[Tensor]:
    """Standardised features, some rows at a time."""
    for part in features.split(max(1, ROWS // features.shape[1])):
        yield (in_double(part) - mean) / std


def _beside(parts: Iterator[Tensor], values: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Parts of the rows, each with its rows of `values`."""
    start = 0
    for part in parts:
        yield part, values[start : start + len(part)]
        start += len(part)


def _inner(features: Tensor, mean: Tensor, std: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """X^T X (F, F) and X^T y (F, B)."""
    gram, right = y.new_zeros(len(mean), len(mean)), y.new_zeros(len(mean), y.shape[1])
    for x, of in _beside(_standardised(features, mean, std), y):
        gram.addmm_(x.T, x)
        right.addmm_(x.T, of)
    return gram, right


def _back(features: Tensor, mean: Tensor, std: Tensor, solution: Tensor) -> Tensor:
    """Weights (F, B): X^T times what was found a row, (N, B)."""
    weights = solution.new_zeros(features.shape[1], solution.shape[1])
    for x, of in _beside(_standardised(features, mean, std), solution):
        weights.addmm_(x.T, of)
    return weights


def _outer(features: Tensor, mean: Tensor, std: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """X X^T (N, N), and y."""
    x = torch.cat(list(_standardised(features, mean, std)))
    return x @ x.T, y
