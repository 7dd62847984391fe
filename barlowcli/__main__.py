"""`python -m barlowcli` is `barlow`."""

import sys

if sys.path and not sys.flags.safe_path:  # a `random.py` in the working directory is not Python's own
    sys.path.append(sys.path.pop(0))

from barlowcli.cli.main import main

if __name__ == "__main__":
    main()
