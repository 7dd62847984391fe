"""`verdict.json`: the verdicts for another program to read."""

from collections.abc import Mapping, Sequence
from typing import Any

from barlowcli.analysis.statistics import Interval
from barlowcli.plan.plan import Plan
from barlowcli.records.files import SCHEMA
from barlowcli.verdicts.contrasts_of_today import ALPHA, DECISION_CONFIDENCE
from barlowcli.verdicts.findings import Finding, notes, reason
from barlowcli.verdicts.judgement import Verdict


def verdict_document(
    plan: Plan, findings: Sequence[Finding], counts: Mapping[str, int], *, partial: bool
) -> dict[str, Any]:
    """The content of `verdict.json`.

    Top: schema_version, experiment, preset, plan_hash, partial (whether planned cells have no numbers), cells
    (counts), alpha. claims: each with id, title, test, margin, by, verdict ("mixed" where the cases differ in the
    claim's first domain), meaning, disagreement (between domains, "" where there is none), and verdicts: one a case
    and domain, with

    - case (axes), name, domains, verdict, reason and notes in words,
    - quantity ("difference" of accuracies A - B as fractions, or "share" (A - R) / (F - R)), effect, n, margin in its
      unit, interval (95 %) and decision_interval (90 %, whose ends are the one-sided tests at alpha),
    - p and p_holm: {supported, refuted}, before and after Holm's correction over the cases; of several `against`,
      p.supported is the largest,
    - accuracies: role (arm, against, full, floor, base: the floor where full was probed, if elsewhere), name, metric,
      mean, by_seed; of several `against` the first is B,
    - untrained: the same probe on an untrained encoder.

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
        "verdict": finding.word,
        "meaning": finding.meaning,
        "disagreement": finding.disagreement,
        "verdicts": [_verdict_document(verdict) for verdict in finding.verdicts],
    }


def _verdict_document(verdict: Verdict) -> dict[str, Any]:
    outcome = verdict.outcome
    return {
        "case": {name: str(value) for name, value in verdict.case.items()},
        "name": verdict.name,
        "domains": list(verdict.domains),
        "verdict": verdict.word,
        "reason": reason(verdict),
        "notes": notes(verdict),
        "quantity": outcome.quantity if outcome else None,
        "effect": rounded(outcome.effect if outcome else None),
        "interval": _interval_document(outcome.interval if outcome else None, 0.95),
        "decision_interval": _interval_document(outcome.decision if outcome else None, DECISION_CONFIDENCE),
        "n": outcome.n if outcome else 0,
        "margin": rounded(outcome.margin if outcome else None),
        "p": {
            "supported": rounded(outcome.p_supported if outcome else None),
            "refuted": rounded(outcome.p_refuted if outcome else None),
        },
        "p_holm": {"supported": rounded(verdict.holm_supported), "refuted": rounded(verdict.holm_refuted)},
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
        "untrained": rounded(verdict.untrained),
    }


def _interval_document(interval: Interval | None, confidence: float) -> dict[str, float | None]:
    return {
        "confidence": confidence,
        "low": rounded(interval.low if interval else None),
        "high": rounded(interval.high if interval else None),
    }


def rounded(value: float | None) -> float | None:
    """To six significant digits, so that the last bit of a library's sum does not change a report's bytes."""
    return None if value is None else round(float(f"{value:.6g}"), 12)
