"""Drawings as files: SVG and PNG whose bytes depend on nothing but the numbers."""

import io
from dataclasses import dataclass

from matplotlib.figure import Figure

from barlowcli.plots.style import styled

DPI = 160
PADDING = 0.15
"""Inches around a figure."""


@dataclass(frozen=True)
class Drawing:
    """What a plot function makes. name: of the files to be; alt: what it shows, for one who cannot see it; caption:
    what is said below it on the page."""

    figure: Figure
    name: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Plot:
    """A drawing as the bytes of its files."""

    name: str
    alt: str
    caption: str
    svg: bytes
    png: bytes


@styled()
def save(drawing: Drawing) -> Plot:
    """The drawing as SVG and PNG, without date and program, so that the same numbers give the same bytes."""
    figure, svg, png = drawing.figure, io.BytesIO(), io.BytesIO()
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out now, once for both files
    box = figure.get_tightbbox().padded(PADDING)  # once for both files: bbox_inches="tight" would draw each twice
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches=box)
    figure.savefig(png, format="png", metadata={"Software": None}, dpi=DPI, bbox_inches=box)
    return Plot(drawing.name, drawing.alt, drawing.caption, svg.getvalue(), png.getvalue())
