"""A table as a pandas frame with typed columns, the same types whether it has rows or none."""

from collections.abc import Sequence
from typing import Final

import pandas as pd

TEXT: Final = "object"
"""Not pandas' own type of text, which has no room for what is no UTF-8; None where there is none."""
WHOLE: Final = "Int64"
"""<NA> where there is none."""
REAL: Final = "float64"
"""NaN where there is none."""
FLAG: Final = "bool"


def frame(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]]) -> pd.DataFrame:
    """A frame of `rows`. columns: name and type of each; an axis of an experiment may have a name that is taken, so
    two can have the same."""
    return pd.concat(
        [pd.Series([row[i] for row in rows], dtype=kind, name=name) for i, (name, kind) in enumerate(columns)], axis=1
    )


def of_type(kind: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Several columns of one type."""
    return [(name, kind) for name in names]
