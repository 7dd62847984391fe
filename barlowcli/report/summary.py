"""A report in plain words, for a terminal."""

from barlowcli.analysis.wording import capital
from barlowcli.report.caveats import caveats
from barlowcli.report.content import Content
from barlowcli.report.first_stage import first_stage_lines
from barlowcli.report.setting import mode, setting
from barlowcli.verdicts.findings import DECIDED, Finding, meaning
from barlowcli.verdicts.reasons import notes, reason

ALIKE = (*DECIDED, "not learned")
"""Words that are worth saying of a second domain."""


def summary_lines(content: Content) -> list[str]:
    """What was asked, on what, what was found by claim, and how far to trust it; one sentence or two a line."""
    results, plan = content.results, content.results.plan
    lines = [*_partial(content), plan.experiment.question.strip(), f"{plan.experiment.title}: {_done(content)}."]
    lines += [text for text in (mode(plan), *first_stage_lines(results)) if text]
    for finding in content.findings:
        lines += ["", *_claim_lines(finding)]
    return [*lines, "", *caveats(results, content.shown)]


def _partial(content: Content) -> list[str]:
    """That cells have no numbers; none where all have."""
    if not content.partial:
        return []
    if not content.results.lacking:
        return [f"PARTIAL: the {' and the '.join(content.results.plan.open)} must be finished first."]
    without, planned = len(content.results.lacking), content.counts["planned"]
    gone = f" Diverged: {content.diverged}." if content.diverged else ""
    return [f"PARTIAL: {without} of {planned} planned cells have no numbers, and none stands in.{gone}"]


def _done(content: Content) -> str:
    """ "colour-digits, encoder small, 3 seeds; 36 of 36 cells done, 1 collapsed"."""
    counts = content.counts
    done = f"{counts['done']} of {counts['planned']} cells done"
    troubles = [f"{counts[name]} {name}" for name in ("failed", "collapsed", "diverged") if counts[name]]
    return f"{setting(content.results)}; {', '.join([done, *troubles])}"


def _claim_lines(finding: Finding) -> list[str]:
    kind = "" if any(verdict.primary for verdict in finding.verdicts) else " (exploratory)"
    headline = f"{finding.claim.title}{kind}: {finding.word.upper()}"
    headline += f": {finding.detail}" if finding.detail else ""
    shown = finding.shown
    if finding.word == "untested":
        return [f"{headline}. {reason(shown[0])}" if shown else headline]
    lines = [headline + (f". {capital(finding.meaning)}." if finding.meaning else "")]
    agreed = len({verdict.word for verdict in shown}) == 1
    for verdict in shown:
        means = meaning(verdict)
        word = "" if agreed else f"{verdict.word}, {means}." if means else f"{verdict.word}."
        parts = [f"{verdict.name}:", word, reason(verdict), *notes(verdict)]
        lines.append("  " + " ".join(part for part in parts if part))
    if len(finding.by_place) > 1 and len(finding.verdicts) > len(shown) and finding.word in ALIKE:
        lines.append("  Probed on intact images: the same verdict.")
    return lines
