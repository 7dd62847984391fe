"""The switches of a joint-embedding method together: which of them do nothing, and which make no sense."""

from barlowcli.settings.base import defaults
from barlowcli.settings.methods import BarlowSettings, BranchSettings, VicregSettings


def canonical(method: BranchSettings) -> BranchSettings:
    """`method` with every switch that changes nothing beside the others at its default."""
    unused = [] if method.target == "ema" else ["tau", "tau_schedule"]
    unused += [] if method.predictor else ["predictor_hidden"]
    unused += ["symmetric"] if method.target == "shared" and not method.predictor else []
    if isinstance(method, BarlowSettings):
        unused += ["lambda_", "lambda_rule"] if method.terms == "invariance" else []
        unused += [] if method.terms == "cross-entropy" else ["temperature"]
        unused += ["unbiased_std"] if method.normalize == "none" else []
    if isinstance(method, VicregSettings):
        unused += ["invariance_weight"] if method.terms == "redundancy" else []
        unused += ["variance_weight", "covariance_weight"] if method.terms == "invariance" else []
    return method.model_copy(update=defaults(method, *unused))


def nonsense(method: BranchSettings) -> list[str]:
    """Switches that contradict one another or leave nothing to learn from, each with the reason."""
    found = []
    alone = method.target == "shared" and not method.predictor
    if alone and not method.symmetric:
        found.append(
            "method.symmetric = false: a shared target without predictor is one loss of both views, it has no "
            "directions; choose target = stop-gradient or ema, or predictor = true"
        )
    if method.target == "stop-gradient" and not method.predictor and method.symmetric:
        found.append(
            "method.target = stop-gradient: in both directions and without predictor it has the very gradient of "
            "target = shared; choose that, or symmetric = false"
        )
    if isinstance(method, BarlowSettings):
        if method.terms == "cross-entropy" and method.normalize != "batch":
            found.append(
                "method.terms = cross-entropy: its temperature is for correlations, which normalize = "
                f"{method.normalize} does not give; choose normalize = batch"
            )
        if method.terms == "redundancy" and method.lambda_ == 0:
            found.append("method.lambda = 0: with terms = redundancy nothing is left of the loss")
    if isinstance(method, VicregSettings):
        weights = {
            "invariance": [method.invariance_weight],
            "redundancy": [method.variance_weight, method.covariance_weight],
            "both": [method.invariance_weight, method.variance_weight, method.covariance_weight],
        }[method.terms]
        if not any(weights):
            found.append(f"method.terms = {method.terms}: all its weights are 0, nothing is left of the loss")
    return found
