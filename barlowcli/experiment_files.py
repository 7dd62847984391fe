"""The experiment files: where they lie, their names, and how one is read; all mistakes are reported at once."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from barlowcli.errors import ConfigError
from barlowcli.nested import expand, merge
from barlowcli.registry import did_you_mean
from barlowcli.spec import Experiment, Preset, describe


def experiments_folder() -> Path:
    """Where the experiment files lie: beside the package in a checkout, inside it once installed."""
    here = Path(__file__).resolve().parent
    installed = here / "experiments"
    return installed if installed.is_dir() else here.parent / "experiments"


def experiment_names() -> list[str]:
    """Names of the experiments that come with barlow."""
    return sorted(path.stem for path in experiments_folder().glob("*.toml"))


def load_experiment(name: str) -> Experiment:
    """Read an experiment by name, or by the path of a TOML file of one's own.

    Raises ConfigError: no such experiment, not TOML, or every mistake in it at once.
    """
    if name.endswith(".toml") or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise ConfigError([f"no experiment file at {name}"], hint="`barlow ls experiments` names those it has")
    else:
        known = experiment_names()
        if name not in known:
            raise ConfigError(
                [f"no experiment named `{name}`"],
                hint=did_you_mean(name, known) + "; a file of your own is given by its path, ./my.toml",
            )
        path = experiments_folder() / f"{name}.toml"
    return parse_experiment(path)


def parse_experiment(path: Path) -> Experiment:
    """Read and check one experiment file."""
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"cannot read {path}: {error}"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path} is not valid TOML: {error}"]) from error
    value.setdefault("name", path.stem)
    _extend_presets(value)
    try:
        return Experiment.model_validate(value)
    except ValidationError as error:
        raise ConfigError([f"{path.name}: {problem}" for problem in describe(error, Experiment)]) from error


def common_presets() -> dict[str, Preset]:
    """The presets of `experiments/presets/`, which every experiment has."""
    return {name: Preset.model_validate(value) for name, value in _common_presets().items()}


def _common_presets() -> dict[str, dict[str, Any]]:
    folder = experiments_folder() / "presets"
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.toml"))}


def _extend_presets(value: dict[str, Any]) -> None:
    """In place: an experiment's preset stands over the common one of its name, key by key."""
    own = value.get("presets", {})
    if not isinstance(own, dict):
        return  # the check of the whole file says so
    common = _common_presets()
    value["presets"] = {**common, **own}
    for name in common.keys() & own.keys():
        if isinstance(own[name], dict):
            tables = {
                key: merge(expand(common[name].get(key, {})), expand(own[name].get(key, {})))
                for key in ("settings", "methods")
                if isinstance(own[name].get(key, {}), dict)
            }
            value["presets"][name] = {**common[name], **own[name], **tables}
