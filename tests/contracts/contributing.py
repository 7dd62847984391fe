"""CONTRIBUTING.md as it is used: the files and entries of each thing that it shows how to add, put in their places."""

import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from barlowcli import entries, registry

PAGE = Path(__file__).resolve().parents[2] / "CONTRIBUTING.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code: what it is in, and the place that the line above it names: a file, or a registry."""

    language: str
    place: str
    code: str


def sections() -> dict[str, list[Block]]:
    """Kind, in the words of its heading -> the blocks below that heading."""
    found = {}
    for section in re.split(r"^##+ ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        blocks = []
        for match in BLOCK.finditer(text):
            paragraph = text[: match.start()].rstrip().rpartition("\n\n")[2]
            place = re.search(r"`([^`]+)`", paragraph)
            blocks.append(Block(match[1], place[1] if place else "", match[2]))
        if blocks:
            found[title] = blocks
    return found


@dataclass
class Adder:
    """Puts the files of a section into packages of barlow, from a folder apart, and its entries into registries."""

    monkeypatch: pytest.MonkeyPatch
    folder: Path
    modules: list[str] = field(default_factory=list)

    def add(self, kind: str) -> list[str]:
        """Add what the section shows; the names that its entries have."""
        names: list[str] = []
        for block in sections()[kind]:
            if block.place.endswith(".py"):
                self._file(block)
            elif block.place.isupper():
                names += self._entry(block)
        return names

    def _file(self, block: Block) -> None:
        path = self.folder / block.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.code, encoding="utf-8")
        package = importlib.import_module(".".join(Path(block.place).parent.parts))
        self.monkeypatch.setattr(package, "__path__", [*package.__path__, str(path.parent)])
        self.modules.append(block.place.removesuffix(".py").replace("/", "."))

    def _entry(self, block: Block) -> list[str]:
        table: entries.Registry = getattr(registry, block.place)
        new = eval(f"{{{block.code}}}", {**vars(entries), **vars(registry)})
        added: Mapping[str, entries.Entry] = type(table)("", new).entries
        assert len(added) == 1
        assert not {*added} & {*table.entries}
        self.monkeypatch.setattr(table, "entries", {**table.entries, **added})
        return list(added)

    def forget(self) -> None:
        """Take the modules out again."""
        for name in self.modules:
            sys.modules.pop(name, None)
            package, _, last = name.rpartition(".")
            vars(importlib.import_module(package)).pop(last, None)


def toml_of(kind: str) -> str:
    """The TOML that a section shows."""
    (block,) = [block for block in sections()[kind] if block.language == "toml"]
    return block.code


def adding(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Adder]:
    """An `Adder`, as a fixture yields it."""
    adder = Adder(monkeypatch, folder)
    yield adder
    adder.forget()
