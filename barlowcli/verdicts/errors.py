"""How often the verdicts of a report may be wrong, in a sentence or two."""

from collections.abc import Sequence

from barlowcli.analysis.wording import capital
from barlowcli.verdicts.contrasts import ALPHA
from barlowcli.verdicts.verdict import Verdict


def error_rate(verdicts: Sequence[Verdict]) -> str:
    """The error rate of the primary verdicts together, and of the exploratory ones; "" where nothing was tested."""
    tested = [verdict for verdict in verdicts if verdict.holm_supported is not None]
    primary = [verdict for verdict in tested if verdict.primary]
    families = {(verdict.claim.id, verdict.domains) for verdict in tested if not verdict.primary}
    in_100 = f"{100 * ALPHA:.0f} of 100 such runs"
    parts = []
    if primary:
        which = "The primary verdict is" if len(primary) == 1 else f"The {len(primary)} primary verdicts together are"
        parts.append(f"{which} wrong in at most {in_100}.")
    if families:
        many = "the claim" if len(families) == 1 else f"each of the {len(families)} claims and domains"
        count = f", so about one in {1 / ALPHA:.0f} of them by chance" if len(families) > 1 else ""
        parts += [] if primary else ["No primary claim was decided in this run: all verdicts are exploratory."]
        parts.append(f"{f'Exploratory: {many}' if primary else capital(many)} is wrong in at most {in_100}{count}.")
    return " ".join(parts)
