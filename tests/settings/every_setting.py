"""Every setting anew: beside what it changes the cell, beside what it does nothing, and whether a step costs more."""

from typing import Any

from barlowcli.settings.any_method import settings_of

Flat = dict[str, Any]
Row = tuple[Any, Flat, Flat | None]
"""Another value of a setting; settings beside which it is used; ones beside which it is not (None: it always is)."""

FOLDER, HISTOGRAM = {"data.name": "folder:somewhere"}, {"method.name": "histogram"}
STAGES: dict[str, Row] = {
    "data.name": ("cifar10", {}, None),
    "data.image_size": (32, {}, None),
    "data.limit": (100, {}, None),
    "data.test_limit": (100, {}, None),
    "data.validation": (0.2, {}, None),
    "data.test_fraction": (0.3, FOLDER, {}),
    "data.colour_tie": (0.5, {}, None),
    "data.on_bad_image": ("skip", FOLDER, {}),
    "data.seed": (1, {}, None),
    "data.fingerprint": ("0123", {}, None),
    "views.crop_scale": ([0.5, 1.0], {}, None),
    "views.crop_ratio": ([1.0, 1.0], {}, None),
    "views.interpolation": ("bicubic", {}, None),
    "views.flip": (0.0, {}, None),
    "views.jitter": ("off", {}, None),
    "views.jitter_probability": (0.5, {}, {"views.jitter": "off"}),
    "views.brightness": (0.5, {}, {"views.jitter": "histogram"}),
    "views.contrast": (0.5, {}, {"views.jitter": "off"}),
    "views.saturation": (0.5, {}, {"views.jitter": "off"}),
    "views.hue": (0.2, {}, {"views.jitter": "off"}),
    "views.jitter_strength": (0.5, {}, {"views.jitter": "off"}),
    "views.grayscale": ("off", {}, None),
    "views.grayscale_probability": (0.5, {}, {"views.jitter": "off"}),
    "views.blur": ([1.0, 0.1], {}, None),
    "views.blur_sigma": ([0.5, 1.0], {"views.blur": [0.0, 0.1]}, {}),
    "views.solarize": ([0.0, 0.2], {}, None),
    "views.shuffle": ("channels", {}, None),
    "views.random_bits": (4, {}, None),
    "encoder.name": ("resnet18", {}, HISTOGRAM),
    "encoder.stem": ("imagenet", {}, HISTOGRAM),
    "projector.layers": (2, {}, {"method.name": "supervised"}),
    "projector.hidden": (64, {}, {"projector.layers": 1}),
    "projector.dim": (64, {}, HISTOGRAM),
    "projector.batch_norm": (False, {}, {"projector.layers": 1}),
    "training.epochs": (2, {}, {"method.name": "random-init"}),
    "training.epochs_at": (32, {"training.batch_size": 64}, {"training.batch_size": 32}),
    "training.batch_size": (32, {}, HISTOGRAM),
    "training.optimizer": ("lars", {}, None),
    "training.lr": (0.5, {}, None),
    "training.lr_scaling": ("none", {}, None),
    "training.momentum": (0.5, {}, None),
    "training.weight_decay": (0.0, {}, None),
    "training.lars_trust": (0.02, {"training.optimizer": "lars"}, {}),
    "training.warmup_epochs": (1.0, {}, None),
    "training.clip_gradient": (1.0, {}, None),
    "training.precision": ("bf16", {}, None),
    "training.threads": (2, {}, None),
    "evaluation.test": (False, {}, None),
    "evaluation.domains": (["none", "fixed"], {}, HISTOGRAM),
    "evaluation.target": (True, {"method.target": "ema"}, {}),
    "evaluation.knn_k": ([5], {}, HISTOGRAM),
    "evaluation.knn_temperature": (0.2, {}, None),
    "evaluation.linear_l2": ([0.1], {}, None),
    "evaluation.mlp": (True, {}, HISTOGRAM),
    "evaluation.mlp_hidden": (64, {"evaluation.mlp": True}, {}),
    "evaluation.mlp_epochs": (5, HISTOGRAM, {}),
    "evaluation.beside_histogram": (True, {}, HISTOGRAM),
    "evaluation.collapse_std": (0.1, {}, HISTOGRAM),
}
EMA, ALONE = {"method.target": "ema"}, {"method.target": "shared", "method.predictor": False}
BRANCHES: dict[str, Row] = {
    "target": ("stop-gradient", {"method.target": "ema", "method.predictor": True}, None),
    "symmetric": (False, EMA, None),
    "tau": (0.5, EMA, ALONE),
    "tau_at": (32, EMA, ALONE),
    "tau_schedule": ("another", EMA, ALONE),
    "predictor": (True, ALONE, None),
    "predictor_hidden": (64, {"method.predictor": True}, ALONE),
    "normalize": ("another", {}, None),
    "loss_scale": (0.5, {}, None),
    "loss_scale_rule": ("c/D", {}, None),
}
INVARIANCE, REDUNDANCY = {"method.terms": "invariance"}, {"method.terms": "redundancy"}
OWN: dict[str, dict[str, Row]] = {
    "barlow": {
        "terms": ("invariance", {}, None),
        "lambda": (0.1, REDUNDANCY, INVARIANCE),
        "lambda_rule": ("c/D", {}, INVARIANCE),
        "temperature": (0.5, {"method.terms": "cross-entropy"}, {}),
        "unbiased_std": (True, {"method.normalize": "features"}, {"method.normalize": "none"}),
    },
    "byol": {},
    "simclr": {"temperature": (0.1, {}, None)},
    "vicreg": {
        "terms": ("invariance", {}, None),
        "invariance_weight": (3.0, INVARIANCE, REDUNDANCY),
        "variance_weight": (3.0, REDUNDANCY, INVARIANCE),
        "covariance_weight": (3.0, {}, INVARIANCE),
    },
    "simsiam": {},
}
CONTROLS: dict[str, dict[str, Row]] = {
    "supervised": {},
    "random-init": {},
    "histogram": {"joint_bins": (4, {}, None), "marginal_bins": (16, {}, None), "knn_k": (20, {}, None)},
}
FREE = {
    *("data.limit", "data.test_limit", "data.validation", "data.test_fraction", "data.colour_tie"),
    *("data.on_bad_image", "data.seed"),
    *("views.brightness", "views.contrast", "views.saturation", "views.hue", "views.jitter_strength"),
    *("views.crop_scale", "views.crop_ratio", "views.flip", "views.blur_sigma"),
    *("method.lambda", "method.lambda_rule", "method.temperature", "method.tau", "method.tau_at"),
    *("method.loss_scale", "method.loss_scale_rule"),
    *("method.invariance_weight", "method.variance_weight", "method.covariance_weight"),
    *("training.epochs", "training.lr", "training.lr_scaling", "training.weight_decay", "training.lars_trust"),
    *("training.warmup_epochs", "training.epochs_at", "method.tau_schedule"),
}
"""Settings that change what is computed and not how long it takes; those of the evaluation are no part of a step."""


def another(method: str, key: str, value: Any) -> Any:
    """A value that is not the method's default."""
    if value != "another":
        return value
    default = settings_of(method).model_fields[key].default
    return next(v for v in {"tau_schedule": ("constant", "cosine")}.get(key, ("batch", "features")) if v != default)


def rows() -> list[tuple[str, Any, Flat, Flat | None]]:
    """Setting, another value, beside what it is used, and beside what it is not."""
    found: list[tuple[str, Any, Flat, Flat | None]] = [(key, *row) for key, row in STAGES.items()]
    for method, own in (OWN | CONTROLS).items():
        name = {"method.name": method}
        for key, (value, used, unused) in ((BRANCHES if method in OWN else {}) | own).items():
            idle = None if unused is None else name | unused
            found.append((f"method.{key}", another(method, key, value), name | used, idle))
    return found


ALL = rows()
