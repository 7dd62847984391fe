"""The parts that every report has, made of nothing: what fails here would fail after the last cell."""

import pandas as pd
from matplotlib.figure import Figure

from barlowcli.plots.saving import Drawing, save
from barlowcli.plots.style import styled
from barlowcli.report.page import template
from barlowcli.tables.writing import csv_text, latex, markdown


def try_parts() -> None:
    """Make a table in each of its forms, a drawing with words in it, and the page without content."""
    table = pd.DataFrame({"λ": ["0.01 ± 0.005"]})
    for form in (csv_text, markdown, latex):
        form(table)
    with styled():
        figure = Figure(figsize=(2, 2), layout="constrained")
        figure.add_subplot(title="a trial", xlabel="λ", ylabel="accuracy").plot([0, 1], [0, 1], label="one")
        figure.legend()
    save(Drawing(figure, "trial", "", ""))
    template()
