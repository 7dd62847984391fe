"""Write down the ids and reports of today: python -m tests.held

Only where a change of behaviour is meant; the commit says why.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.held.behaviour import IDS, REPORTS, ids, reports, write

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        write(REPORTS, reports(Path(folder)))
    write(IDS, ids())
    print(f"wrote {IDS} and {REPORTS}")
