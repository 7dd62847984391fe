"""A short run of what `fuzz.py` does at length: whatever comes from outside is read, or refused in words."""

import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.faults import fuzz_readers
from tests.faults.strategies import Case

SECONDS = 5.0
short = settings(derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))


def fine(reader: str, case: Case) -> None:
    """Read or refused, and soon; whatever else is raised fails the test and shows the case."""
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        assert fuzz_readers.outcome(reader, case, Path(folder)) in ("read", "refused")
    assert time.process_time() - start < SECONDS


@settings(short, max_examples=60)
@given(fuzz_readers.STRATEGIES["images"]())
def test_images(case: Case) -> None:
    fine("images", case)


@settings(short, max_examples=60)
@given(fuzz_readers.STRATEGIES["toml"]())
def test_experiment_files(case: Case) -> None:
    fine("toml", case)


@settings(short, max_examples=50)
@given(fuzz_readers.STRATEGIES["parquet"]())
def test_parquet(case: Case) -> None:
    fine("parquet", case)


@settings(short, max_examples=60)
@given(fuzz_readers.STRATEGIES["records"]())
def test_results(case: Case) -> None:
    fine("records", case)


@settings(short, max_examples=25)
@given(fuzz_readers.STRATEGIES["names"]())
def test_command_lines(case: Case) -> None:
    fine("names", case)


@pytest.mark.parametrize("index", range(len(fuzz_readers.bombs("toml"))))
def test_experiment_files_without_end(index: int, tmp_path: Path) -> None:
    case = fuzz_readers.bombs("toml")[index]()
    start = time.process_time()
    assert fuzz_readers.outcome("toml", case, tmp_path) == "refused"
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("index", range(len(fuzz_readers.bombs("records"))))
def test_results_without_end(index: int, tmp_path: Path) -> None:
    fine("records", fuzz_readers.bombs("records")[index]())
