"""Frames as text: CSV for programs, Markdown and LaTeX for readers. The same frame gives the same bytes."""

import html
from collections.abc import Sequence

import pandas as pd

from barlowcli.tables.frames import FLAG

LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "²": r"$^2$",
}


def csv_text(table: pd.DataFrame) -> str:
    """Comma-separated, "\\n" at line ends; floats with six decimals, flags as yes and no, what is missing empty."""
    words = {True: "yes", False: "no"}
    said = [column.map(words) if column.dtype == FLAG else column for _, column in table.items()]
    return pd.concat(said, axis=1).to_csv(index=False, float_format="%.6f", lineterminator="\n")


def markdown(table: pd.DataFrame) -> str:
    """A GitHub table of texts: names in the first column, remarks in the last, numbers at the right between them.

    By hand: pandas' own needs the package tabulate, and pads every cell.
    """
    rule = ["---", *["---:"] * (len(table.columns) - 2), "---"]
    rows = [list(table.columns), rule, *table.to_numpy().tolist()]
    return "".join(f"| {' | '.join(map(markdown_escape, cells))} |\n" for cells in rows)


def latex(table: pd.DataFrame, rules: Sequence[int] = ()) -> str:
    """A booktabs tabular of texts, in the columns of `markdown`; needs the package booktabs. rules: rows with a line
    above them."""
    texts = table.map(latex_escape)
    for row in rules:  # pandas draws none inside a table
        texts.iat[row, 0] = "\\midrule\n" + str(texts.iat[row, 0])
    texts.columns = pd.Index([latex_escape(title) for title in table.columns])
    body = texts.to_latex(index=False, escape=False, column_format=f"l{'r' * (len(table.columns) - 2)}l")
    return f"% needs \\usepackage{{booktabs}}\n{body}"


def markdown_escape(text: str) -> str:
    """`text` on one line of a table, with what Markdown would take for HTML or for the end of a cell made plain."""
    return " ".join(html.escape(text, quote=False).replace("|", "\\|").split())


def latex_escape(text: str) -> str:
    """`text` with every character that LaTeX would take for a command made plain."""
    return "".join(LATEX.get(character, character) for character in text)
