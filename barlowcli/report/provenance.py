"""Where numbers come from: device, code and versions. Nothing here names a folder of some machine."""

from typing import Any

from barlowcli.analysis.results import Records
from barlowcli.report.setting import distinct


def provenance_rows(records: Records) -> list[tuple[str, str]]:
    """Label and value of what the records say of device, code and versions; several values where they differ."""
    rows = [part for record in records.values() for part in record.origins]
    found = [
        ("device", distinct(_joined(row, "device", "device_name") for row in rows)),
        ("barlow", distinct(str(row["barlow"]) for row in rows if row.get("barlow"))),
        ("commit", distinct(str(row["commit"]) for row in rows if row.get("commit"))),
        ("Python", distinct(_joined(row, "python", "platform") for row in rows)),
    ]
    packages = dict.fromkeys(name for row in rows for name in row.get("versions", {}))
    found += [(name, distinct(str(row.get("versions", {}).get(name, "")) for row in rows)) for name in packages]
    found += [("in two parts", parts)] if (parts := in_parts(records)) else []
    return [(label, value) for label, value in found if value]


def in_parts(records: Records) -> str:
    """How many cells were begun by another version or machine than the one that finished them; "" where none was."""
    count = sum(len(record.origins) > 1 for record in records.values())
    if not count:
        return ""
    cells = "1 cell was" if count == 1 else f"{count} cells were"
    return f"{cells} begun by one version or machine and finished by another"


def _joined(row: dict[str, Any], first: str, second: str) -> str:
    values = [str(row[name]) for name in (first, second) if row.get(name)]
    return f"{values[0]} ({values[1]})" if len(values) > 1 else "".join(values)
