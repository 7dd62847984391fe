"""Linear probe: multinomial logistic regression on frozen features, its penalty chosen on a validation split."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from barlowcli.evaluation.features import as_float, check_probed_labels, in_double, share, standardisation
from barlowcli.evaluation.spectrum import WIDEST, leading_axes

LEADING = 512
"""Principal axes along which Newton's steps are preconditioned where features are too wide for all of them."""
MAX_NEWTON = 60
MAX_CONJUGATE = 250
OVERFITTED = 1.1
"""Weaker penalties are not tried once the mean cross-entropy on validation is this many times the least before: they
overfit more still, and are the slowest to fit."""
LOSS_ROUNDING = 1e-6
"""Differences of the mean loss below this are rounding in float32."""


@dataclass(frozen=True)
class LinearProbe:
    """A fitted probe.

    weights: (F, C) on standardised features. bias: (C,), sums to 0. mean, std: (F,) of the training features.
    penalty: the chosen one. validation_accuracy: in [0, 1]. converged: the gradient fell below the tolerance.
    leading: along how many axes steps were preconditioned, where those were not all.
    """

    weights: Tensor
    bias: Tensor
    mean: Tensor
    std: Tensor
    penalty: float
    validation_accuracy: float
    converged: bool
    leading: int | None = None

    @property
    def chosen(self) -> dict[str, Any]:
        """The settings that it was fitted with, and whether that ended well."""
        return {
            "l2": self.penalty,
            "validation_accuracy": self.validation_accuracy,
            "converged": self.converged,
            **({"leading_axes": self.leading} if self.leading is not None else {}),
        }

    def logits(self, features: Tensor) -> Tensor:
        """(N, C) of features (N, F)."""
        return (features.to(self.mean.dtype) - self.mean) / self.std @ self.weights + self.bias

    def predict(self, features: Tensor) -> Tensor:
        """Classes, int64 (N,), of features (N, F)."""
        return self.logits(features).argmax(1)

    def accuracy(self, features: Tensor, labels: Tensor) -> float:
        """Fraction in [0, 1] of features (N, F) whose class is predicted."""
        return share(self.predict(features) == labels)


def fit_linear_probe(
    train: Tensor,
    labels: Tensor,
    validation: Tensor,
    validation_labels: Tensor,
    *,
    classes: int,
    penalties: Sequence[float],
    tolerance: float = 1e-5,
) -> LinearProbe:
    """Fit features (N, F) with labels int64 (N,) for every penalty and keep the best on validation (V, F).

    Minimises mean cross-entropy + penalty / 2 ||W||^2 on features standardised by the training set, bias free of
    penalty; scikit-learn's C is 1 / (penalty N). Candidates are fitted from the strongest to the weakest, each from the
    last one's weights, as long as they do not overfit; the stronger wins a tie. tolerance: largest entry of the
    gradient. Computes in float64 where `train` is float64, else in float32. Above 4,096 features Newton's steps are
    found in another way, and what they lead to is the same. Raises DataError on labels that do not fit.
    """
    check_probed_labels(train, labels, classes, "train")
    check_probed_labels(validation, validation_labels, classes, "validation")
    train = as_float(train)
    mean, std = standardisation(train)
    problem = (_wide if train.shape[1] > WIDEST else _rotated)(train, mean, std, labels)
    solution = problem.rows.new_zeros(classes, problem.rows.shape[1])
    best: LinearProbe | None = None
    least = math.inf
    for penalty in sorted(set(penalties), reverse=True):
        objective = problem.penalised(penalty)
        solution, converged = _minimise(objective, solution, tolerance)
        weights = objective.weights_of(solution)
        probe = LinearProbe(weights, solution[:, -1], mean, std, penalty, 0.0, converged, problem.leading)
        logits = probe.logits(validation)
        accuracy = share(logits.argmax(1) == validation_labels)
        if best is None or accuracy > best.validation_accuracy:
            best = replace(probe, validation_accuracy=accuracy)
        loss = float(F.cross_entropy(logits, validation_labels))
        least = min(least, loss)
        if loss > OVERFITTED * least:
            break
    if best is None:
        raise ValueError("no penalties to choose from")
    return best


def _rotated(train: Tensor, mean: Tensor, std: Tensor, labels: Tensor) -> "_Objective":
    """Along the principal axes the Hessian is nearly diagonal, and the penalty, a sphere, stays what it is."""
    scaled = (train - mean) / std
    axes = torch.linalg.eigh(in_double(scaled.T @ scaled / len(scaled))).eigenvectors.to(scaled)  # (F, F)
    rows = torch.cat([scaled @ axes, scaled.new_ones(len(scaled), 1)], dim=1)  # (N, F + 1)
    return _Objective(rows, labels, axes)


def _wide(train: Tensor, mean: Tensor, std: Tensor, labels: Tensor) -> "_Objective":
    """The features as they are: all their axes would take the third power of F in work and its square in memory."""
    rows = train.new_empty(len(train), train.shape[1] + 1)
    scaled = rows[:, :-1]
    torch.div(train - mean, std, out=scaled)
    rows[:, -1] = 1
    axes = leading_axes(scaled, min(LEADING, *scaled.shape))
    along = scaled @ axes  # (N, 512)
    outside = (scaled.square().sum(1) - along.square().sum(1)).clamp_min(0)
    return _WideObjective(rows, labels, axes, along=along, outside=outside / (len(axes) - along.shape[1]))


@dataclass(frozen=True)
class _Objective:
    """Mean cross-entropy + 1/2 sum penalty w^2 over weights (C, F + 1), the last column being the bias.

    Classes come first: (C, N) times (N, F + 1) is several times faster on a CPU than its transpose.
    """

    rows: Tensor  # (N, F + 1)
    labels: Tensor  # (N,)
    axes: Tensor  # (F, F), those that the rows lie along
    penalty: Tensor = field(default_factory=lambda: torch.zeros(()))  # (F + 1,)

    @property
    def leading(self) -> int | None:
        """How many axes it has, where those are not all."""
        return None

    def penalised(self, penalty: float) -> Self:
        """The same with `penalty` on every weight but the bias."""
        return replace(self, penalty=self.rows.new_tensor([penalty] * (self.rows.shape[1] - 1) + [0.0]))

    def weights_of(self, solution: Tensor) -> Tensor:
        """Weights (F, C) on the features, of a solution (C, F + 1)."""
        return self.axes @ solution[:, :-1].T

    def value(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities (C, N) and the objective, a scalar."""
        log_p = torch.log_softmax(weights @ self.rows.T, dim=0)
        loss = -log_p.gather(0, self.labels[None]).mean()
        return log_p, loss + (self.penalty * weights.square()).sum() / 2

    def gradient(self, p: Tensor, weights: Tensor) -> Tensor:
        """(C, F + 1) at weights whose probabilities (C, N) are p."""
        one = p.new_full((1, 1), -1.0).expand(1, len(self.rows))
        residual = p.scatter_add(0, self.labels[None], one)
        return residual @ self.rows / len(self.rows) + self.penalty * weights

    def hessian_product(self, p: Tensor, direction: Tensor) -> Tensor:
        """Hessian at probabilities p (C, N) times direction (C, F + 1)."""
        change = direction @ self.rows.T
        change = p * (change - (p * change).sum(0))
        return change @ self.rows / len(self.rows) + self.penalty * direction

    def preconditioner(self, p: Tensor) -> Callable[[Tensor], Tensor]:
        """What nearly undoes the Hessian at p (C, N): division by its diagonal, kept off zero where every probability
        is 0 or 1."""
        diagonal = (p - p.square()) @ self.rows.square() / len(self.rows) + self.penalty
        diagonal = diagonal.clamp_min(1e-8)
        return lambda residual: residual / diagonal


@dataclass(frozen=True)
class _WideObjective(_Objective):
    """The same on features that lie along no axes of their own; `axes` (F, A) are those that lead."""

    along: Tensor = field(default_factory=lambda: torch.zeros(()))  # (N, A), of the rows
    outside: Tensor = field(default_factory=lambda: torch.zeros(()))  # (N,), their mean square along all other axes

    @property
    def leading(self) -> int | None:
        """How many axes it has."""
        return self.axes.shape[1]

    def weights_of(self, solution: Tensor) -> Tensor:
        """Weights (F, C) on the features, of a solution (C, F + 1)."""
        return solution[:, :-1].T

    def preconditioner(self, p: Tensor) -> Callable[[Tensor], Tensor]:
        """Division by the Hessian's diagonal along the leading axes, and outside them by one number a class (as in
        Frangella, Tropp & Udell 2023, section 5)."""
        spread = p - p.square()  # (C, N)
        parts = torch.cat([self.along.square(), self.outside[:, None], torch.ones_like(self.outside)[:, None]], dim=1)
        penalty = torch.cat([self.penalty[:1].expand(self.along.shape[1] + 1), self.penalty[-1:]])
        diagonal = (spread @ parts / len(parts) + penalty).clamp_min(1e-8)  # (C, A + 2)
        leading, other, bias = diagonal[:, :-2], diagonal[:, -2:-1], diagonal[:, -1:]

        def apply(residual: Tensor) -> Tensor:
            weights = residual[:, :-1]
            within = weights @ self.axes  # (C, A)
            corrected = (within / leading - within / other) @ self.axes.T
            return torch.cat([weights / other + corrected, residual[:, -1:] / bias], dim=1)

        return apply


def _minimise(objective: _Objective, weights: Tensor, tolerance: float) -> tuple[Tensor, bool]:
    """Newton's method, the step from conjugate gradients; returns weights (C, F + 1) and whether they converged."""
    log_p, loss = objective.value(weights)
    for _ in range(MAX_NEWTON):
        p = log_p.exp()
        gradient = objective.gradient(p, weights)
        if float(gradient.abs().max()) <= tolerance:
            return weights, True
        step = _newton_step(objective, p, gradient)
        # Backtracking until Armijo's condition holds (Nocedal & Wright 2006, algorithm 3.1).
        wanted, slope = float(loss), float((gradient * step).sum())
        for length in (0.5**halvings for halvings in range(30)):
            trial = weights + length * step
            log_p, loss = objective.value(trial)
            if float(loss) <= wanted + 1e-4 * length * slope + LOSS_ROUNDING * max(1.0, wanted):
                break
        weights = trial
    return weights, False


def _newton_step(objective: _Objective, p: Tensor, gradient: Tensor) -> Tensor:
    """Approximate solution (C, F + 1) of Hessian step = -gradient.

    Conjugate gradients preconditioned by the objective, to a relative residual of min(1/2, sqrt ||gradient||), which
    makes Newton's method converge superlinearly (Nocedal & Wright 2006, section 7.1).
    """
    undo = objective.preconditioner(p)

    def precondition(residual: Tensor) -> Tensor:
        # Adding the same to all classes changes no probability; a step with a part of that kind converges slowly.
        scaled = undo(residual)
        return scaled - scaled.mean(0)

    step, residual = torch.zeros_like(gradient), -gradient
    direction = precondition(residual)
    energy = (residual * direction).sum()
    enough = float(energy * energy.sqrt().clamp_max(0.25))
    for _ in range(MAX_CONJUGATE):
        curved = objective.hessian_product(p, direction)
        length = energy / (direction * curved).sum()
        step = step + length * direction
        residual = residual - length * curved
        scaled = precondition(residual)
        previous, energy = energy, (residual * scaled).sum()
        if float(energy) <= enough:  # on a GPU the one synchronisation of an iteration
            break
        direction = scaled + energy / previous * direction
    return step
