"""How names in plans and records are said to a reader: arms, image domains, metrics, numbers."""

from collections.abc import Callable, Iterable, Mapping

from barlowcli.analysis.statistics import Interval
from barlowcli.entries import ControlEntry
from barlowcli.experiment.axes import SHUFFLE, Axis, AxisValue
from barlowcli.records.metrics import INTACT, Metric
from barlowcli.registry import METHODS, PROBES, SHUFFLES

DATA_NAMES = {"cifar10-jpeg": "CIFAR-10 (JPEG)"}
PLAIN = "{value}"
KNOWN_AXES = {
    "grayscale": "greyscale {value}",
    "dims": "D = {value}",
    "lambda": "λ {value}",
    "bits": "bits = {value}",
    **dict.fromkeys(("augmentation", "normalisation", "target", "branch", "arm", "condition", "stage"), PLAIN),
}
"""How the values of an axis without `says` are said: of the axes that flags add, and in files from before there was
`says`."""
KEYS = {"method": "method.name", "shuffle": SHUFFLE}
"""The setting that an axis of this name varies, where its values are tables."""
SPACES = {
    "h": "of h",
    "z": "of z",
    "target-h": "of the averaged network's h",
    "target-z": "of the averaged network's z",
    "h+joint": "of h and the joint histogram",
    "joint": "on joint RGB histograms",
    "marginal": "on marginal histograms",
}


def method_name(method: str) -> str:
    """ "barlow" -> "Barlow Twins": the registry's word for it."""
    return METHODS.word(method)


def value_name(axes: Mapping[str, Axis], name: str, value: AxisValue | str) -> str:
    """A value of the axis called `name` in words: "Barlow Twins", "jitter off", "D = 64"; several joined by "="."""
    values = (value,) if isinstance(value, str) else value.values
    return " = ".join(_value_name(axes[name], name, one) for one in values)


def _value_name(axis: Axis, name: str, value: str) -> str:
    """The axis's own words, else those of what it varies, else its name and the value."""
    if value in axis.words:
        return axis.words[value]
    key = axis.key or KEYS.get(name, "")
    if not axis.says and key in KEY_WORDS:
        return KEY_WORDS[key](value)
    says = axis.says or KNOWN_AXES.get(name, f"{name} {{value}}")
    plain = says == PLAIN and isinstance(axis.values, dict)  # a name of settings, which speaks for itself
    return says.replace("{value}", value.replace("-", " ") if plain else value)


def arm_name(axes: Mapping[str, Axis], at: Mapping[str, AxisValue], names: Iterable[str]) -> str:
    """The arm in words over the axes `names`, those that have no meaning for it left out."""
    parts = [value_name(axes, name, at[name]) for name in names if at.get(name)]
    return ", ".join(parts) or "all cells"


def status_name(status: str) -> str:
    """What became of a cell, in words: "missing" -> "not run"."""
    return "not run" if status == "missing" else status


def shuffle_name(shuffle: str) -> str:
    """A shuffle arm in words: "pixels" -> "shuffled"."""
    return SHUFFLES.word(shuffle)


def domain_name(domain: str) -> str:
    """Images of a probe domain in words: "pixels" -> "shuffled images"."""
    return f"{shuffle_name(domain or INTACT)} images"


KEY_WORDS: Mapping[str, Callable[[str], str]] = {"method.name": method_name, SHUFFLE: shuffle_name}
"""Setting whose values have words of their own, whatever axis varies it."""


def probe_name(probe: str) -> str:
    """ "knn50" -> "kNN (k = 50)"."""
    if probe.startswith("knn"):
        return f"kNN (k = {probe.removeprefix('knn')})"
    return PROBES.word(probe)


def metric_name(metric: Metric) -> str:
    """A metric in words without its domain: "mlp.joint.none.label" -> "small MLP on joint RGB histograms"."""
    return f"{probe_name(metric.probe)} {SPACES.get(metric.space, metric.space)}".strip()


def label_name(label: str, names: Mapping[str, str]) -> str:
    """How a reader calls a label: "label" -> "digit" where the data set says so, else "class"."""
    name = names.get(label, label)
    return "class" if name == "label" else name


def percent(fraction: float) -> str:
    """0.4312 -> "43.1 %"."""
    return f"{100 * fraction:.1f} %"


def points(difference: float, unit: str = " points") -> str:
    """A difference of accuracies in percentage points with its sign: "+12.1 points"."""
    return f"{100 * difference:+.1f}{unit}"


def span(interval: Interval, *, signed: bool) -> str:
    """An interval of fractions, in per cent: "90 % interval +10.3 to +13.9"; "" where it has no ends."""
    if interval.low is None or interval.high is None:
        return ""
    sign = "+" if signed else ""
    ends = f"{100 * interval.low:{sign}.1f} to {100 * interval.high:{sign}.1f}"
    return f"{100 * interval.confidence:.0f} % interval {ends}"


def p_value(p: float) -> str:
    """ "p = .032", "p < .001"."""
    if p < 0.001:
        return "p < .001"
    return f"p = {p:.3f}".replace("0.", ".", 1)


def data_name(name: str) -> str:
    """Data as a reader calls them, no folder of some machine in it: "parquet:/data/cats/" -> "cats"."""
    short = name.partition(":")[2].rstrip("/").rpartition("/")[2] or name
    return DATA_NAMES.get(short, short)


def listing(items: Iterable[str], limit: int = 4, separator: str = ", ") -> str:
    """ "a, b, c, d and 3 more"."""
    names = list(items)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return separator.join(names[:limit]) + more


def with_article(name: str) -> str:
    """A control with its article, an arm of the grid as it is: "an untrained encoder on intact images"."""
    controls = tuple(entry.word for entry in METHODS.entries.values() if isinstance(entry, ControlEntry))
    if not name.startswith(controls):
        return name
    return f"{'an' if name.startswith(tuple('aeiou')) else 'a'} {name}"


def capital(text: str) -> str:
    """`text` with its first letter large."""
    return text[:1].upper() + text[1:]
