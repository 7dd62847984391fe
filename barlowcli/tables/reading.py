"""A table as it is read, on the page, in Markdown or in LaTeX: every number already a text."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Reading:
    """texts: the table, names in its first column, "" for what is not known. legend: what the columns mean. controls:
    the rows with which controls begin. sources: what the numbers in a last column `source` stand for, from 1."""

    texts: pd.DataFrame
    legend: str
    controls: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def header(self) -> list[str]:
        """Titles of the columns."""
        return list(self.texts.columns)

    @property
    def rows(self) -> list[list[str]]:
        """The texts, row by row."""
        return self.texts.to_numpy().tolist()


def texts(header: Sequence[str], rows: Sequence[Sequence[str]]) -> pd.DataFrame:
    """A frame of texts alone; two columns may have one title."""
    return pd.DataFrame(rows, columns=list(header), dtype=object)
