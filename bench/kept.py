"""A JSON document that is written again whenever there is more to it, so that a measurement cut short leaves what it
had."""

import json
from pathlib import Path
from typing import Any


class Kept:
    """Names and values, in the order in which they came. path: of the file; None: it is kept nowhere."""

    def __init__(self, path: Path | None, **values: Any) -> None:
        self.path, self.values = path, values

    def note(self, **values: Any) -> None:
        """Add values, or change them, and write all."""
        self.values |= values
        if self.path is not None:
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(self.values, indent=2) + "\n", encoding="utf-8")
            new.replace(self.path)

    def row(self, value: Any, name: str = "rows") -> None:
        """Add to a list."""
        self.note(**{name: [*self.values.get(name, []), value]})
