"""A command of barlow, run in the test's own process."""

from tests.cli.conftest import run as run
from tests.cli.conftest import unmeasured as unmeasured
