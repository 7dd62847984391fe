"""`report.html`: one file with everything in it, that asks nothing of any network."""

import base64
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from barlowcli.analysis.inventory import distinct_inventories, facts
from barlowcli.analysis.results import Results
from barlowcli.analysis.wording import capital
from barlowcli.entries import ControlEntry
from barlowcli.machine.private import message_without_folders
from barlowcli.plan.plan import Plan
from barlowcli.plots.saving import Plot
from barlowcli.published.figures import read_figures
from barlowcli.records.metrics import INTACT
from barlowcli.registry import METHODS
from barlowcli.report.caveats import caveats
from barlowcli.report.content import Content
from barlowcli.report.first_stage import first_stage_lines, tuning_table
from barlowcli.report.provenance import provenance_rows
from barlowcli.report.setting import mode, setting
from barlowcli.verdicts.findings import Finding, place
from barlowcli.verdicts.reasons import effect_text, images_text, interval_text, notes, p_text, reason


def render(content: Content) -> str:
    """The page as HTML. Everything that came from outside is escaped."""
    results, plan = content.results, content.results.plan
    figures = plan.experiment.published
    return template().render(
        experiment=plan.experiment,
        plan=plan,
        setting=setting(results),
        partial=content.partial,
        lacking=results.lacking,
        diverged=content.diverged,
        counts=content.counts,
        findings=[_finding(finding) for finding in content.findings],
        caveats=caveats(results, content.shown),
        plots=[_picture(plot) for plot in content.plots],
        overview=content.overview,
        costs=content.costs,
        published=content.published,
        published_setting=read_figures(figures.file).setting if figures else "",
        controls=_controls(results),
        notes=[mode(plan), *_notes(plan), *plan.experiment.notes],
        first_stage=first_stage_lines(results),
        tuning=tuning_table(results),
        troubles=_troubles(results),
        read=[facts(read) for read in distinct_inventories(results.records.values())],
        provenance=provenance_rows(results.records),
    )


def template() -> Template:
    """The page without its content."""
    environment = Environment(
        loader=PackageLoader("barlowcli.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


@dataclass(frozen=True)
class FindingView:
    """A claim as the page shows it. rows: one a verdict."""

    title: str
    id: str
    word: str
    detail: str
    meaning: str
    primary: bool
    rows: tuple[dict[str, Any], ...]


def _finding(finding: Finding) -> FindingView:
    rows: tuple[dict[str, Any], ...] = tuple(
        {
            "name": verdict.name,
            "place": place(verdict),
            "word": verdict.word,
            "effect": effect_text(verdict),
            "interval": interval_text(verdict),
            "images": images_text(verdict),
            "primary": verdict.primary,
            "n": verdict.outcome.n if verdict.outcome else "",
            "p": p_text(verdict),
            "reason": reason(verdict),
            "notes": notes(verdict),
        }
        for verdict in finding.verdicts
    )
    claim = finding.claim
    primary = any(verdict.primary for verdict in finding.verdicts)
    return FindingView(claim.title, claim.id, finding.word, finding.detail, capital(finding.meaning), primary, rows)


def _picture(plot: Plot) -> dict[str, str]:
    data = base64.b64encode(plot.svg).decode()
    return {"source": f"data:image/svg+xml;base64,{data}", "alt": plot.alt, "caption": plot.caption}


def _controls(results: Results) -> list[tuple[str, str]]:
    """Name and meaning of each control that the plan has."""
    methods = dict.fromkeys(cell.config.method.name for cell in results.plan.cells)
    entries = [METHODS.entries[name] for name in methods if name in METHODS]
    known = [(entry.title, entry.meaning) for entry in entries if isinstance(entry, ControlEntry)]
    chance = any(record.chance for record in results.records.values())
    meaning = "Always answering the most frequent class of the test images."
    return [*([("Chance", meaning)] if chance else []), *known]


def _notes(plan: Plan) -> list[str]:
    """What the settings of these very cells mean for the reader."""
    views = [cell.config.views for cell in plan.cells if cell.config.views is not None]
    plain = [view for view in views if view.jitter == "off"]
    found = []
    if any(view.grayscale == "off" for view in plain):
        found.append(
            "Jitter off means that the whole colour distortion is off, greyscale too: greyscale alone would still "
            "break the histogram in a third of the pairs of views. (BYOL's Table 17: without jitter alone -0.7 "
            "points on ImageNet, without both -9.1.) --grayscale on sets greyscale apart."
        )
    if any(view.grayscale == "on" for view in plain):
        found.append("Some cells without jitter keep greyscale, which breaks the histogram in a third of the pairs.")
    if any(view.shuffle != INTACT for view in views):
        found.append(
            "An encoder trained on shuffled views is probed twice: on images shuffled alike, its own domain, and on "
            "intact images. Everything that it is compared with is probed in the same domain. BatchNorm statistics are "
            "re-estimated on the images probed. Where the two domains disagree, the claim depends on the probe."
        )
    return found


def _troubles(results: Results) -> list[tuple[str, str, str]]:
    """Arm and seed, status and message of every cell that is not simply done."""
    found = []
    for cell in results.plan.all_cells:
        record, name = {**results.first, **results.records}.get(cell.id), results.cell_name(cell)
        if record is None:
            found.append((name, "not run", ""))
        elif record.status != "ok":
            at = f" (step {record.event_step})" if record.event_step is not None else ""
            found.append((name, record.status, message_without_folders(record.message) + at))
    return found
