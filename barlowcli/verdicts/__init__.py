"""Claims judged by records: which cells a claim speaks of, its test, the verdict, and the verdict in words."""

from barlowcli.verdicts.judgement import judge
from barlowcli.verdicts.verdict import Verdict

__all__ = ["Verdict", "judge"]
