"""A setting's value, whatever its spelling: .05, 5e-2 and "0.05" are one number, True and on one switch.

Plans and "is it used?" are made of what is read here. A value that its field cannot have is left as it is: the check
of the settings names it.
"""

import types
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from barlowcli.registry import METHODS
from barlowcli.settings import methods as own_methods
from barlowcli.settings.any_method import settings_of
from barlowcli.settings.base import Settings
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.mistakes import models_in, quoted
from barlowcli.settings.numbers import SWITCH, number_of, odd_spelling, whole_number_of

NOTHING = ("none", "null")
UNREAD = object()
"""Of a value that is not of the type it was read as."""


def read_all(tables: Mapping[str, Any], methods: Collection[str]) -> dict[str, Any]:
    """Nested settings with every value as its field has it. methods: those whose settings `method` may have."""
    return {
        section: {key: read(f"{section}.{key}", value, methods) for key, value in table.items()}
        if isinstance(table, Mapping)
        else table
        for section, table in tables.items()
    }


def read(key: str, value: Any, methods: Collection[str] | None = None) -> Any:
    """The value of a setting by its dotted key. methods: as above, None for all that come with barlow."""
    for annotation in _types_of(key, methods):
        found = _as(annotation, value)
        if found is not UNREAD:
            return found
    return value


def misread(key: str, value: Any, methods: Collection[str] | None = None) -> str:
    """What is wrong with a value that a field of numbers would take for another one, or ""."""
    kinds = [kind for annotation in _types_of(key, methods) for kind in _members(annotation)]
    if not (int in kinds or float in kinds) or bool in kinds:
        return ""
    if isinstance(value, bool):
        return f"{key}: expected a number, got {str(value).lower()}"
    why = odd_spelling(value) if isinstance(value, str) else ""
    return f"{key}: expected a number, got {quoted(value)}: {why}" if why else ""


def _types_of(key: str, methods: Collection[str] | None) -> Iterator[Any]:
    """The types that the setting has, several where methods differ; none where there is no such setting."""
    section, _, name = key.partition(".")
    if section == "method":
        models: list[type[Settings]] = [settings_of(one) for one in (_own() if methods is None else methods)]
    else:
        field = CellConfig.model_fields.get(section)
        models = models_in(field.annotation) if field is not None else []
    seen: list[Any] = []
    for model in models:
        for known, field in model.model_fields.items():
            if name in (known, field.alias) and field.annotation not in seen:
                seen.append(field.annotation)
    yield from seen


def _own() -> list[str]:
    """The methods whose settings come with barlow; others may need what takes time to import."""
    return [name for name, entry in METHODS.entries.items() if entry.settings.startswith(f"{own_methods.__name__}:")]


def _members(annotation: Any) -> list[Any]:
    """The types of a union, each without its marks."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for one in get_args(annotation) for member in _members(one)]
    return [annotation]


def _as(annotation: Any, value: Any) -> Any:
    """The value as one of the types of a field has it, `UNREAD` where it is none of them."""
    for member in sorted(_members(annotation), key=lambda one: one is type(None)):  # "none" may be a name
        found = _as_one(member, value)
        if found is not UNREAD:
            return found
    return UNREAD


def _as_one(member: Any, value: Any) -> Any:
    if member in READERS:
        return READERS[member](value)
    if get_origin(member) is Literal:
        return _choice(get_args(member), value)
    if get_origin(member) is tuple:
        return _several(get_args(member), value)
    return UNREAD


def _whole(value: Any) -> Any:
    found = whole_number_of(value)
    return UNREAD if found is None else found


def _real(value: Any) -> Any:
    found = number_of(value) if isinstance(value, str) else value
    return UNREAD if isinstance(found, bool) or not isinstance(found, (int, float)) else float(found)


def _switch(value: Any) -> Any:
    found = SWITCH.get(value.strip().casefold()) if isinstance(value, str) else value
    if isinstance(found, bool):
        return found
    number = whole_number_of(value)
    return bool(number) if number in (0, 1) else UNREAD


def _nothing(value: Any) -> Any:
    return None if value is None or (isinstance(value, str) and value.strip().casefold() in NOTHING) else UNREAD


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else UNREAD


READERS: Mapping[Any, Callable[[Any], Any]] = {
    int: _whole,
    float: _real,
    bool: _switch,
    type(None): _nothing,
    str: _text,
}


def _choice(options: tuple[Any, ...], value: Any) -> Any:
    """The option that is meant: by its name in any case, a switch as on or off."""
    plain = value.strip().casefold() if isinstance(value, str) else value
    switch = SWITCH.get(plain) if isinstance(plain, str) else plain
    names = [plain, {True: "on", False: "off"}[switch]] if isinstance(switch, bool) else [plain]
    fitting = [one for name in names for one in options if isinstance(one, str) and one.casefold() == name]
    return fitting[0] if fitting else UNREAD


def _several(members: tuple[Any, ...], value: Any) -> Any:
    """A list whose members are read each; a text is one where it has commas or brackets."""
    if isinstance(value, str):
        inner = value.strip()
        inner = inner[1:-1] if (inner[:1], inner[-1:]) in (("[", "]"), ("(", ")")) else inner
        if inner == value.strip() and "," not in inner:
            return UNREAD
        value = [one.strip().strip("\"'") for one in inner.split(",") if one.strip()]
    if not isinstance(value, (list, tuple)):
        return UNREAD
    kinds = [members[0]] * len(value) if members[1:] == (Ellipsis,) else list(members)
    if len(kinds) != len(value):
        return UNREAD
    found = [_as(kind, one) for kind, one in zip(kinds, value, strict=True)]
    return UNREAD if any(one is UNREAD for one in found) else found
