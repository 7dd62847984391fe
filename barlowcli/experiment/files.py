"""The experiment files: where they lie, their names, and how one is read; all mistakes are reported at once."""

import codecs
import functools
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barlowcli.entries import did_you_mean
from barlowcli.errors import ConfigError
from barlowcli.machine.places import expanded
from barlowcli.settings.tables import expand, merge, read_toml, unusable

if TYPE_CHECKING:  # pydantic takes its time, and `barlow ls` needs none of it
    from barlowcli.experiment.model import Experiment, Preset

MOST_BYTES = 2**18
"""Of an experiment file: twenty times the largest that comes with barlow."""


def experiments_folder() -> Path:
    """Where the experiment files lie: beside the package in a checkout, inside it once installed."""
    here = Path(__file__).resolve().parents[1]
    installed = here / "experiments"
    return installed if installed.is_dir() else here.parent / "experiments"


def experiment_names() -> list[str]:
    """Names of the experiments that come with barlow."""
    return sorted(path.stem for path in experiments_folder().glob("*.toml"))


def load_experiment(name: str) -> "Experiment":
    """Read an experiment by name, or by the path of a TOML file of one's own.

    Raises ConfigError: no such experiment, not TOML, or every mistake in it at once.
    """
    return parse_experiment(source_file(name))


def source_file(name: str) -> Path:
    """The file of an experiment, by its name or by a path. Raises ConfigError where there is none."""
    if is_path(name):
        return _own_file(name)
    known = experiment_names()
    if name in known:
        return experiments_folder() / f"{name}.toml"
    own = f"./{name}.toml" if _is_file(Path(f"{name}.toml")) else ""
    hint = f"`{own}` is a file here" if own else did_you_mean(name, known)
    more = "" if own else "; a file of your own is given by its path, ./my.toml"
    raise ConfigError([f"no experiment named `{name}`"], hint=hint + more)


def is_path(name: str) -> bool:
    """Whether an experiment is given by the path of its file."""
    return "/" in name or name.lower().endswith(".toml") or name.startswith(("~", "$"))


def _own_file(name: str) -> Path:
    """The file at a path. Raises ConfigError that says what is there instead."""
    hint = "`barlow ls experiments` names those it has"
    try:
        path = expanded(name)
    except ConfigError as error:
        raise ConfigError([f"no experiment file at {name}: {error.message}"], hint=error.hint) from error
    if _is_file(path):
        return path
    with_suffix = path.with_name(f"{path.name}.toml") if path.name else path
    if _is_file(with_suffix):
        hint = f"did you mean {with_suffix}?"
    elif os.path.isdir(path):
        inside = sorted(one.name for one in path.glob("*.toml"))
        hint = f"it is a folder; {'in it: ' + ', '.join(inside[:5]) if inside else 'name a file'}"
    raise ConfigError([f"no experiment file at {name}"], hint=hint)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, a folder that is locked
        return False


def parse_experiment(path: Path) -> "Experiment":
    """Read and check one experiment file. Raises ConfigError with every mistake in it."""
    from pydantic import ValidationError

    from barlowcli.experiment.model import Experiment
    from barlowcli.settings.mistakes import describe

    value = read_experiment(path)
    try:
        spec = Experiment.model_validate(value)
        problems = _too_large(spec)
    except ValidationError as error:
        problems = describe(error, Experiment)
    if problems:
        raise ConfigError([f"{path.name}: {problem}" for problem in problems])
    return spec


def read_experiment(path: Path) -> dict[str, Any]:
    """The tables of an experiment file, its name and the common presets added; what is in them is not checked.

    Raises ConfigError where there are none to be read.
    """
    value = _read(path)
    value.setdefault("name", path.stem)
    _extend_presets(value)
    return value


def _read(path: Path) -> dict[str, Any]:
    """The tables of a file, all of whose values a setting could have."""
    text = text_of(path)
    try:
        value = read_toml(text)
    except ValueError as error:
        hint = 'TOML writes 0.05, true and "text"'
        raise ConfigError([f"{path} is not valid TOML: {error}{_line_of(error, text)}"], hint=hint) from error
    if problems := list(unusable(value)):
        raise ConfigError([f"{path.name}: {problem}" for problem in problems])
    return value


def _line_of(error: ValueError, text: str) -> str:
    """The line that an error of TOML speaks of, as a part of its message."""
    from barlowcli.settings.mistakes import quoted

    found = re.search(r"at line (\d+)", str(error))
    lines = text.splitlines()
    return f": {quoted(lines[int(found[1]) - 1].strip())}" if found and int(found[1]) <= len(lines) else ""


def text_of(path: Path) -> str:
    """The text of an experiment file, less the byte order mark that some editors write; UTF-16 is known by its mark.

    Raises ConfigError where it cannot be read.
    """
    hint = "`barlow cp shuffle-test my.toml` writes one to start from"
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError([f"cannot read {path}: {error.strerror or error}"], hint=hint) from error
    if len(content) > MOST_BYTES:
        raise ConfigError([f"{path} is no experiment file: more than {MOST_BYTES:,} bytes"], hint=hint)
    wide = len(content) > 2 and content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError([f"cannot read {path}: it is not UTF-8 text"], hint=f"save it as UTF-8; {hint}") from error
    if "\0" in text:
        raise ConfigError([f"cannot read {path}: it is not UTF-8 text"], hint="save it as UTF-8, not UTF-16")
    return text


def _too_large(spec: "Experiment") -> list[str]:
    """Presets whose grids nobody can run; to list their cells alone would take hours."""
    from barlowcli.experiment.model import MOST_CELLS, grid_size

    problems = []
    for name, preset in spec.presets.items():
        sizes = {axis: len(preset.axes.get(axis) or spec.axes[axis].values) for axis in spec.axes}
        if (cells := grid_size(sizes, spec.controls, preset.seeds)) > MOST_CELLS:
            problems.append(f"presets.{name}: {cells:,} cells, more than {MOST_CELLS:,}; fewer values or axes or seeds")
    return problems


def common_presets() -> "dict[str, Preset]":
    """The presets of `experiments/presets/`, which every experiment has."""
    from barlowcli.experiment.model import Preset

    return {name: Preset.model_validate(value) for name, value in read_common_presets().items()}


@functools.cache
def read_common_presets() -> dict[str, dict[str, Any]]:
    """Their tables, by name; what is in them is not checked."""
    folder = experiments_folder() / "presets"
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.toml"))}


def _extend_presets(value: dict[str, Any]) -> None:
    """In place: an experiment's preset stands over the common one of its name, key by key."""
    own = value.get("presets", {})
    if not isinstance(own, dict):
        return  # the check of the whole file says so
    common = read_common_presets()
    value["presets"] = {**common, **own}
    for name in common.keys() & own.keys():
        if isinstance(own[name], dict):
            tables = {
                key: merge(expand(common[name].get(key, {})), expand(own[name].get(key, {})))
                for key in ("settings", "methods")
                if isinstance(own[name].get(key, {}), dict)
            }
            value["presets"][name] = {**common[name], **own[name], **tables}
