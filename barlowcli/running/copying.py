"""An experiment as a file of one's own, under a name of its own, to be edited."""

import re
import shlex
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from barlowcli.errors import ConfigError, ResultsError
from barlowcli.experiment.claims import Name
from barlowcli.experiment.files import experiment_names, load_experiment, source_file, text_of
from barlowcli.records.files import write_text
from barlowcli.records.refusals import way_out
from barlowcli.running.runs import REFERENCE


def copy(experiment: str, destination: Path, *, force: bool = False) -> None:
    """Write an experiment, by its name or the path of its file, to `destination`; the stem becomes its name.

    force: over an existing file. Raises ConfigError where no experiment can be written there.
    """
    source = source_file(experiment)
    old = (load_experiment(experiment).name, source.stem)
    check_destination(destination, force=force)
    text = renamed(text_of(source).replace("\r\n", "\n"), destination.stem)
    try:
        write_text(destination, with_commands(text, old, destination.stem))
    except ResultsError as error:
        if isinstance(error.__cause__, OSError):
            error.hint = way_out(destination, error.__cause__, "choose another folder for the copy")
        raise


def as_argument(path: Path) -> str:
    """The path as it is typed for `barlow run`: `./my.toml` where it is a bare name."""
    return str(path) if path.parent.parts else f"./{path}"


def check_destination(path: Path, *, force: bool) -> None:
    """Raise ConfigError where no experiment can be written to `path`: suffix, name, folder, a file in its place."""
    if path.suffix != ".toml":
        folder, stem = (path, "my") if path.is_dir() else (path.parent, path.stem)
        example = folder / f"{stem if is_name(stem) else 'my'}.toml"
        raise ConfigError([f"{path}: expected a path that ends in .toml"], hint=f"for example {as_argument(example)}")
    if not is_name(path.stem):
        raise ConfigError(
            [f"{path}: an experiment cannot be named `{path.stem}`"],
            hint="small letters a to z, digits and hyphens, at most 64, no hyphen first: for example ./my-test.toml",
        )
    if path.stem == REFERENCE:
        raise ConfigError(
            [f"{path}: `{REFERENCE}` is where committed results lie, `barlow report` would not find yours"],
            hint=f"another name, for example {as_argument(path.with_name(f'my-{path.name}'))}",
        )
    if path.stem in experiment_names():
        raise ConfigError(
            [f"{path}: `{path.stem}` is an experiment that comes with barlow, its results would be mixed with yours"],
            hint=f"another name, for example {as_argument(path.with_name(f'my-{path.name}'))}",
        )
    if not path.parent.is_dir():
        raise ConfigError(
            [f"{path}: there is no folder {path.parent}"], hint=f"mkdir -p {shlex.quote(str(path.parent))}"
        )
    if path.is_dir():
        raise ConfigError([f"{path} is a folder"], hint="name a file in it, or another one")
    if path.exists() and not force:
        raise ConfigError([f"{path} exists already"], hint="another name, or --force to write over it")


def is_name(text: str) -> bool:
    """Whether an experiment can have this name."""
    try:
        TypeAdapter(Name).validate_python(text)
    except ValidationError:
        return False
    return True


def renamed(text: str, name: str) -> str:
    """The file with `name` in place of a name of its own; one without takes its name from the file.

    Raises ConfigError where the name does not stand on one line.
    """
    value: dict[str, Any] = tomllib.loads(text)
    if "name" not in value:
        return text
    wanted = value | {"name": name}
    lines = text.splitlines(keepends=True)
    for index, line in enumerate(lines):
        changed = re.sub(r"""^(\s*["']?name["']?\s*=\s*(["']))[^"']+\2""", rf"\g<1>{name}\g<2>", line)
        copy = "".join([*lines[:index], changed, *lines[index + 1 :]])
        if changed != line and tomllib.loads(copy) == wanted:  # a table's `name` looks the same, and is not this one
            return copy
    if value == wanted:
        return text
    raise ConfigError(["name: expected on one line, to be changed in the copy"], hint="or leave it out of the file")


def with_commands(text: str, old: Iterable[str], new: str) -> str:
    """The file with the commands in its comments naming the copy: by path where a file is read, else by name.

    old: the names that the copied experiment goes by.
    """
    names = "|".join(map(re.escape, old))
    named = rf"(?:(?:\S*/)?(?:{names})\.toml|(?:{names}))(?![\w/-]|\.\w)"
    places = {"run|sweep|validate": f"./{new}.toml", "report|status": new}
    lines = text.splitlines(keepends=True)
    for index, line in enumerate(lines):
        if line.lstrip().startswith("#"):
            for commands, place in places.items():
                line = re.sub(rf"(\bbarlow (?:{commands})\s+){named}", rf"\g<1>{place}", line)
            lines[index] = line
    return "".join(lines)
