"""A path as a user gives it: `~`, `~user`, `$VAR` and `${VAR}` mean what they mean in a shell, wherever it is given."""

import os
import re
from pathlib import Path

from barlowcli.errors import ConfigError

VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})", re.ASCII)
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
QUOTES = "\"'"


def expanded(given: str) -> Path:
    """The path that `given` means; a name that is there as it is typed, `$` and all, is that one.

    Raises ConfigError where a variable or a home is not known, or where it is no path: nothing, or an address.
    """
    text = unquoted(given)
    if not text.strip():
        raise ConfigError(["a path is needed, and nothing was given"], hint="a variable of the shell may be empty")
    if ADDRESS.match(text):
        raise ConfigError([f"{text}: an address, not a path of this machine"], hint="copy the files here first")
    if "$" in text and not is_there(text):
        text = VARIABLE.sub(lambda found: _value_of(found[1] or found[2], text), text)
    path = Path(text)
    if not text.startswith("~"):
        return path if not str(path).startswith("~") else path.absolute()  # ./~ is a name, and must stay one
    try:
        return path.expanduser()
    except RuntimeError as error:
        home = Path(text).parts[0]
        raise ConfigError(
            [f"{text}: there is no home folder {home} on this machine"],
            hint=f"write the whole path, or ./{home} for a folder of that name",
        ) from error


def unquoted(text: str) -> str:
    """The text less the quotes around it, which some shells leave in; as it is where such a file is there."""
    quoted = len(text) > 1 and text[0] in QUOTES and text[-1] == text[0] and text.count(text[0]) == 2
    return text[1:-1] if quoted and not is_there(text) else text


def is_there(text: str) -> bool:
    """Whether there is a file or folder of exactly this name, a link without a target too."""
    try:
        return os.path.lexists(text)
    except ValueError:  # a character that no name has
        return False


def _value_of(name: str, text: str) -> str:
    """The value of an environment variable that is set to something."""
    value = os.environ.get(name, "")
    if not value:
        why = "is empty" if name in os.environ else "is not set"
        raise ConfigError([f"{text}: the variable {name} {why}"], hint=f"export {name}=…, or write the whole path")
    return value
