"""Build the fake card, and run a command on it if one is given:

    python -m tests.gpu.card
    python -m tests.gpu.card barlow run shuffle-test --device cuda --results /tmp/on-a-fake-card

What is computed there means nothing. FAKE_CUDA_* in the environment are told in source/card.h.
"""

import os
import sys

from tests.gpu.card.build import built, missing
from tests.gpu.card.child import environment


def main() -> None:
    """Build, say where it is, become the command."""
    if why := missing():
        sys.exit(f"no fake card: {why}")
    library = built()
    if not sys.argv[1:]:
        print(f"the fake card was built: {library}")
        return
    os.execvpe(sys.argv[1], sys.argv[1:], os.environ | environment(library))


if __name__ == "__main__":
    main()
