"""What the Hugging Face metadata of a Parquet file say of its columns; no torch."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from barlowcli.data.paths import shown

LABEL_COLUMN = "label"

Metadata = Mapping[bytes, bytes] | None
"""Of a schema or of a file's footer."""


def features_of(metadata: Metadata) -> dict[str, Any]:
    """Column -> its feature in the `huggingface` entry."""
    text = (metadata or {}).get(b"huggingface")
    try:
        features = json.loads(text)["info"]["features"] if text else {}
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def feature_names(metadata: Metadata, label: str) -> list[str] | None:
    """The class names of a ClassLabel feature."""
    feature = features_of(metadata).get(label)
    names = feature.get("names") if isinstance(feature, dict) else None
    return [shown(str(name)) for name in names] if isinstance(names, list) else None


def named_otherwise(files: Sequence[Path]) -> set[Path]:
    """Files whose list of class names is not that of the first: their numbers mean other classes.

    What cannot be read is left to the reader, who says why.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    lists: dict[Path, list[str] | None] = {}
    for file in files if len(files) > 1 else ():
        try:
            footer = pq.read_metadata(file)
            if footer.num_rows:
                lists[file] = feature_names(footer.metadata, LABEL_COLUMN)
        except (pa.ArrowException, OSError, ValueError):
            continue
    first = next(iter(lists.values()), None)
    return {file for file, names in lists.items() if names != first}
