"""`verdict.json`: the verdicts for another program to read."""

from collections.abc import Mapping, Sequence
from typing import Any

from barlowcli.analysis.statistics import Interval
from barlowcli.plan.plan import Plan
from barlowcli.records.files import SCHEMA
from barlowcli.verdicts.contrasts import ALPHA
from barlowcli.verdicts.errors import error_rate
from barlowcli.verdicts.findings import Finding
from barlowcli.verdicts.gates import Carrier, Gate
from barlowcli.verdicts.reasons import notes, reason
from barlowcli.verdicts.verdict import Verdict


def verdict_document(
    plan: Plan, findings: Sequence[Finding], counts: Mapping[str, int], *, partial: bool
) -> dict[str, Any]:
    """The content of `verdict.json`.

    Top: schema_version, experiment, preset, plan_hash, partial (whether planned cells have no numbers), cells
    (counts), alpha (of both words of a claim together; each is tested at half of it), error_rate in words. claims: each
    with id, title, test, margin, by, primary (whether a case of it is), verdict (one word; "mixed" where the cases
    differ, "depends on the probe" where the domains do), detail (which is which), meaning, and verdicts: one a case and
    domain, with

    - case (axes), name, domains, primary, verdict, reason and notes in words,
    - quantity ("difference" of accuracies A - B as fractions, or of slopes per step of the axis; or "share"
      (A - R) / (F - R)), effect, n, margin in its unit, interval (95 %, whose ends are the tests),
    - variance ("paired", "pooled" or "welch"), guard (p of the pooled variance's guard), p and p_paired: {supported,
      refuted} of the test and of its paired form; p_holm: with what must have been learned, after Holm's correction. Of
      several `against`, p.supported is the largest, p.refuted the smallest times their number,
    - learned: {supported, refuted}: the arms that carry the word, each with its mean, the control's and p,
    - test_images: standard_error of the effect over the images of the test set, and how many,
    - accuracies: role (arm, against, full, floor), name, metric, mean, by_seed (slopes where the claim is of slopes);
      of several `against` the first is B; ceiling, untrained: the same probe on these controls.

    Numbers that do not exist are null.
    """
    return {
        "schema_version": SCHEMA,
        "experiment": plan.experiment.name,
        "preset": plan.preset,
        "plan_hash": plan.hash,
        "partial": partial,
        "cells": dict(counts),
        "alpha": ALPHA,
        "error_rate": error_rate([verdict for finding in findings for verdict in finding.verdicts]),
        "claims": [_claim_document(finding) for finding in findings],
    }


def _claim_document(finding: Finding) -> dict[str, Any]:
    claim = finding.claim
    return {
        "id": claim.id,
        "title": claim.title,
        "test": claim.test,
        "margin": claim.margin,
        "by": claim.by,
        "primary": any(verdict.primary for verdict in finding.verdicts),
        "verdict": finding.word,
        "detail": finding.detail,
        "meaning": finding.meaning,
        "verdicts": [_verdict_document(verdict) for verdict in finding.verdicts],
    }


def _verdict_document(verdict: Verdict) -> dict[str, Any]:
    outcome = verdict.outcome
    return {
        "case": {name: str(value) for name, value in verdict.case.items()},
        "name": verdict.name,
        "domains": list(verdict.domains),
        "primary": verdict.primary,
        "verdict": verdict.word,
        "reason": reason(verdict),
        "notes": notes(verdict),
        "quantity": outcome.quantity if outcome else None,
        "effect": rounded(outcome.effect if outcome else None),
        "interval": _interval_document(outcome.interval if outcome else None),
        "n": outcome.n if outcome else 0,
        "margin": rounded(outcome.margin if outcome else None),
        "variance": outcome.variance if outcome else None,
        "guard": rounded(outcome.guard if outcome else None),
        "p": _both(outcome.p_supported, outcome.p_refuted) if outcome else _both(None, None),
        "p_paired": _both(outcome.paired_supported, outcome.paired_refuted) if outcome else _both(None, None),
        "p_holm": _both(verdict.holm_supported, verdict.holm_refuted),
        "learned": _learned(verdict.gate),
        "test_images": {
            "standard_error": rounded(verdict.images.standard_error if verdict.images else None),
            "n": verdict.images.images if verdict.images else None,
        },
        "accuracies": [
            {
                "role": accuracy.role,
                "name": accuracy.name,
                "metric": str(accuracy.metric),
                "mean": rounded(accuracy.mean),
                "by_seed": {str(seed): rounded(value) for seed, value in accuracy.values.items()},
            }
            for accuracy in verdict.accuracies
        ],
        "ceiling": rounded(verdict.ceiling),
        "untrained": rounded(verdict.untrained),
    }


def _both(supported: float | None, refuted: float | None) -> dict[str, float | None]:
    return {"supported": rounded(supported), "refuted": rounded(refuted)}


def _learned(gate: Gate | None) -> dict[str, list[dict[str, Any]]] | None:
    if gate is None:
        return None
    return {word: [_carrier_document(one) for one in getattr(gate, word)] for word in ("supported", "refuted")}


def _carrier_document(carrier: Carrier) -> dict[str, Any]:
    return {
        "name": carrier.name,
        "mean": rounded(carrier.mean),
        "control": carrier.control_name,
        "control_mean": rounded(carrier.control),
        "p": rounded(carrier.p),
    }


def _interval_document(interval: Interval | None) -> dict[str, float | None]:
    return {
        "confidence": 0.95,
        "low": rounded(interval.low if interval else None),
        "high": rounded(interval.high if interval else None),
    }


def rounded(value: float | None) -> float | None:
    """To six significant digits, so that the last bit of a library's sum does not change a report's bytes."""
    return None if value is None else round(float(f"{value:.6g}"), 12)
