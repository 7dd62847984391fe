"""What a registry is: names a user can type -> entries, whose objects are imported when asked for. Never torch."""

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from barlowcli.errors import ConfigError


@dataclass(frozen=True)
class Entry:
    """target: "module:attribute", "" where there is nothing to build; summary: one line for `barlow ls`.

    numbers: of a family, whose name ends in `-K`, the K that there are; what the target makes of K is loaded. word:
    what a reader calls it where that is not its name.
    """

    target: str
    summary: str
    numbers: tuple[int, ...] = ()
    word: str = ""


@dataclass(frozen=True, kw_only=True)
class EncoderEntry(Entry):
    """features: F of its h; weights: how many it has, about. 0 where that is not said: then they count for nothing
    where the room that a run needs on the disk is estimated."""

    features: int = 0
    weights: int = 0


@dataclass(frozen=True, kw_only=True)
class MethodEntry(Entry):
    """settings: "module:attribute" of the class of its settings, by default `Settings` beside the target."""

    settings: str = ""


@dataclass(frozen=True, kw_only=True)
class ControlEntry(MethodEntry):
    """A method to hold others against; its word is of a thing and takes an article. title, meaning: on the page of a
    report."""

    title: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class ShuffleEntry(Entry):
    """blocks: whether the number of a family is the side in pixels of blocks, which must tile an image."""

    blocks: bool = False


@dataclass(frozen=True, kw_only=True)
class ProbeEntry(Entry):
    """features, histograms, together: whether it is a probe of an encoder's features, of an image's own histograms, and
    of both side by side."""

    features: bool = True
    histograms: bool = False
    together: bool = False


@dataclass(frozen=True, kw_only=True)
class DatasetEntry(Entry):
    """files: where the name is followed by a path, "module:attribute" of what lists the files behind it, path -> what
    each is there and its path, for the fingerprint. images: each of those is one image, and may be skipped. own:
    settings that no other data set has -> why, in words."""

    files: str = ""
    images: bool = False
    own: Mapping[str, str] = field(default_factory=dict)


def did_you_mean(name: str, known: list[str]) -> str:
    """A hint that names the nearest known name, or all of them."""
    same = [one for one in known if one.casefold() == name.casefold()]
    near = same or get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else "known: " + ", ".join(known)


class Registry:
    """A table of names of one kind ("method", "encoder", …)."""

    entries: Mapping[str, Entry]

    def __init__(self, kind: str, entries: Mapping[str, Entry | tuple[str, str]]) -> None:
        self.kind = kind
        self.entries = {name: one if isinstance(one, Entry) else Entry(*one) for name, one in entries.items()}

    def names(self) -> list[str]:
        """All names, in their order here; of a family every one."""
        return list(self.summaries())

    def summaries(self) -> dict[str, str]:
        """Name -> one line, of a family with the number for K."""
        found: dict[str, str] = {}
        for name, entry in self.entries.items():
            members = {f"{name.removesuffix('K')}{k}": re.sub(r"\bK\b", str(k), entry.summary) for k in entry.numbers}
            found |= members or {name: entry.summary}
        return found

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def entry(self, name: str) -> Entry | None:
        """The entry of a name, or of the family that it is one of; None where it is not known."""
        found = self._find(name)
        return found[0] if found else None

    def number(self, name: str) -> int | None:
        """K where `name` is one of a family, whose name ends in `-K`; else None."""
        found = self._find(name)
        return found[1] if found else None

    def word(self, name: str) -> str:
        """What a reader calls it; `name` itself where nothing else is known."""
        entry = self.entry(name)
        return (entry.word if entry else "") or name

    def check(self, name: str) -> str:
        """Return `name`; raise ConfigError with a did-you-mean where it is not known."""
        self._get(name)
        return name

    def load(self, name: str) -> Any:
        """Import and return the object behind `name`; of a family what its target makes of the number."""
        entry, number = self._get(name)
        found = _imported(entry.target)
        return found if number is None else found(number)

    def _get(self, name: str) -> tuple[Entry, int | None]:
        found = self._find(name)
        if found is None:
            raise ConfigError([f"no {self.kind} named `{name}`"], hint=did_you_mean(name, self.names()))
        return found

    def _find(self, name: str) -> tuple[Entry, int | None] | None:
        """The entry of a name, and the number in it where it is one of a family."""
        family, _, number = name.rpartition("-")
        entry = self.entries.get(f"{family}-K")
        if entry is not None and number in map(str, entry.numbers):
            return entry, int(number)
        entry = self.entries.get(name)
        return None if entry is None or entry.numbers else (entry, None)


class MethodRegistry(Registry):
    """The table of methods, each with its word and its settings."""

    entries: Mapping[str, MethodEntry]

    def __init__(self, kind: str, entries: Mapping[str, MethodEntry]) -> None:
        super().__init__(kind, {})
        self.entries = entries

    def load_settings(self, name: str) -> Any:
        """Import and return the class of a method's settings."""
        entry = self.entries[self.check(name)]
        return _imported(entry.settings or f"{entry.target.partition(':')[0]}:Settings")


class ProbeRegistry(Registry):
    """The table of probes, each under the name of its metric; a record keeps their order."""

    entries: Mapping[str, ProbeEntry]

    def __init__(self, kind: str, entries: Mapping[str, ProbeEntry]) -> None:
        super().__init__(kind, {})
        self.entries = entries

    def of_features(self) -> list[Any]:
        """Import and return every probe of an encoder's features."""
        return [self.load(name) for name, entry in self.entries.items() if entry.features]

    def of_histograms(self) -> list[Any]:
        """Import and return every probe of the images' own histograms."""
        return [self.load(name) for name, entry in self.entries.items() if entry.histograms]

    def of_both(self) -> list[Any]:
        """Import and return every probe of features and histograms side by side."""
        return [self.load(name) for name, entry in self.entries.items() if entry.together]


class DatasetRegistry(Registry):
    """The table of data sets: known by name, or kinds of files at a path, written `KIND:PATH`."""

    entries: Mapping[str, DatasetEntry]

    def __init__(self, kind: str, entries: Mapping[str, DatasetEntry | tuple[str, str]]) -> None:
        super().__init__(kind, {})
        self.entries = {n: one if isinstance(one, DatasetEntry) else DatasetEntry(*one) for n, one in entries.items()}

    def lists_files(self, kind: str) -> bool:
        """Whether `kind` is one of files at a path."""
        return kind in self.entries and bool(self.entries[kind].files)

    def may_skip_files(self, kind: str) -> bool:
        """Whether each file of `kind` is one image."""
        return self.entries[kind].images

    def has_path(self, name: str) -> bool:
        """Whether `name` is that of files at a path, there or not."""
        kind, colon, _ = name.partition(":")
        return bool(colon) and self.lists_files(kind)

    def at_path(self, path: str) -> list[str]:
        """`path` as each kind of files is written."""
        return [f"{kind}:{path}" for kind in self.entries if self.lists_files(kind)]

    def load_files(self, kind: str) -> Any:
        """Import and return what lists the files of a kind behind a path."""
        return _imported(self.entries[self.check(kind)].files)

    def of_others(self, kind: str) -> dict[str, str]:
        """Settings that `kind` does not have and another data set alone has -> why."""
        return {key: why for name, entry in self.entries.items() if name != kind for key, why in entry.own.items()}


def _imported(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
