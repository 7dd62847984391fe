"""Command lines: names and paths that mean something to a file system, a table, a template or a terminal."""

import hypothesis.strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.faults.strategies import NASTY, Case, numbers

RIGHT = (
    *(("--method", "byol"), ("--jitter", "off"), ("--shuffle", "none,pixels"), ("--dims", "16,64"), ("--seeds", "2")),
    *(("--shard", "1/2"), ("--set", "training.epochs=2"), ("--axis", "method=byol"), ("--preset", "quick")),
    *(("--limit", "600"), ("--epochs", "3"), ("--dataset", "colour-digits"), ("--results", "elsewhere")),
)
"""Flags of `run` that say something sensible."""


def words() -> SearchStrategy[str]:
    """Arguments of a command: no NUL, which none can have; some that are not UTF-8."""
    nasty = [text.replace("\x00", "") for text in NASTY]
    raw = st.binary(max_size=6).map(lambda data: data.replace(b"\x00", b"").decode("utf-8", "surrogateescape"))
    return st.one_of(
        st.sampled_from(nasty),
        st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=6),
        raw,
    )


@st.composite
def names(draw: DrawFn) -> Case:
    """A command line, run in a folder of its own."""
    word = words()
    command = draw(st.sampled_from(("validate", "status", "report", "run", "run", "run", "ls")))
    if command in ("validate", "ls"):
        return Case(arguments=(command, draw(word)))
    if command in ("status", "report"):
        extra = draw(st.sampled_from(((), ("--preset", draw(word)), ("--results", draw(word)))))
        given = extra if command == "report" or "--preset" not in extra else ()
        return Case(arguments=(command, draw(word), *given))
    keys = st.sampled_from(("data.name", "data.limit", "training.epochs", "projector.dim", "evaluation.domains"))
    assigned = st.builds("{}={}".format, st.one_of(keys, word), st.one_of(word, numbers().map(str)))
    chosen = st.builds("{}={}".format, st.one_of(word, st.just("method")), word)
    data = st.builds("{}:{}".format, st.sampled_from(("folder", "parquet")), word)
    texts = ("--dataset", "--preset", "--method", "--shuffle", "--dims", "--shard", "--results")
    counts = ("--seeds", "--epochs", "--limit", "--image-size")
    flags = st.one_of(
        st.tuples(st.sampled_from(texts), word),
        st.tuples(st.just("--dataset"), data),
        st.tuples(st.just("--set"), assigned),
        st.tuples(st.just("--axis"), chosen),
        st.tuples(st.sampled_from(counts), numbers().map(str)),
    )
    either = st.booleans().flatmap(lambda right: st.sampled_from(RIGHT) if right else flags)
    drawn = draw(st.lists(either, min_size=1, max_size=3))
    known = draw(st.sampled_from(("shuffle-test", "dims", "hybrid", "")))
    return Case(arguments=("run", known or draw(word), *(part for pair in drawn for part in pair)))
