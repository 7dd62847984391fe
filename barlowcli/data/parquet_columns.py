"""Which columns of a Parquet file are meant, and whether images can be in them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from barlowcli.data.parquet_features import LABEL_COLUMN, features_of
from barlowcli.data.paths import shown
from barlowcli.data.splits import class_list
from barlowcli.errors import DataError

IMAGE_COLUMNS = ("img", "image")
LABEL_WORDS = ("label", "class", "target", "category", "species", "y", "cls")
"""What else a column of labels is often called; for a hint."""

RENAME = "the image column must be called `img` or `image`, the column of integer labels or class names `label`"
PIXELS = "encode each image as PNG, and store the bytes of that"
OUTSIDE = "put the bytes of the images in the file, or read the image files themselves, folder:PATH"
ENCODED = "it must be a struct of `bytes` and `path`, or binary: the bytes of PNG, JPEG, … files"


def columns_of(path: Path, schema: Any) -> tuple[str, str]:
    """The names of the image column and of the label column.

    These are `img` or `image`, and `label`; else the only Image and the only ClassLabel of the Hugging Face metadata.
    Raises DataError where one is lacking, is there twice, or cannot hold images.
    """
    features = features_of(schema.metadata)
    image = _image_column(path, schema, features)
    label = LABEL_COLUMN if LABEL_COLUMN in schema.names else _only(features, "ClassLabel", schema)
    if image is None or label is None:
        lacking = f"`{LABEL_COLUMN}`" if image else "`img` or `image`"
        lacking += f" and none `{LABEL_COLUMN}`" if image is None and label is None else ""
        raise DataError(
            f"{path} has no column {lacking}; it has {class_list([f'`{shown(name)}`' for name in schema.names], 20)}",
            hint=_meant(schema, features, image, label),
        )
    for name in (image, label):
        if schema.names.count(name) > 1:
            raise DataError(f"{path} has {schema.names.count(name)} columns `{shown(name)}`", hint="leave one of them")
    _check_image_type(path, image, schema.field(image).type)
    return image, label


def _image_column(path: Path, schema: Any, features: dict[str, Any]) -> str | None:
    there = [name for name in IMAGE_COLUMNS if name in schema.names]
    fit = [
        name for name in there if schema.names.count(name) == 1 and encoded_type(schema.field(name).type) is not None
    ]
    if len(fit) > 1:
        raise DataError(f"{path} has images in `img` and in `image`", hint="leave one of these columns")
    return next(iter(fit or there), None) or _only(features, "Image", schema)


def _only(features: dict[str, Any], kind: str, schema: Any) -> str | None:
    """The only column that the metadata call of this kind."""
    names = [name for name in _of_kind(features, kind) if name in schema.names]
    return names[0] if len(names) == 1 else None


def _of_kind(features: dict[str, Any], kind: str) -> list[str]:
    return [name for name, one in features.items() if isinstance(one, dict) and one.get("_type") == kind]


def _meant(schema: Any, features: dict[str, Any], image: str | None, label: str | None) -> str:
    """A hint that names the columns that may be meant, where any may, and how one column each gets its name."""
    kinds = {name: schema.field(at).type for at, name in enumerate(schema.names)}
    images = [name for name, kind in kinds.items() if encoded_type(kind) is not None]
    labels = [name for name in _of_kind(features, "ClassLabel") if name in kinds]
    labels = labels or [name for name in kinds if any(_is_word(word, name) for word in LABEL_WORDS)]
    labels = labels or [name for name, kind in kinds.items() if _may_be_labels(kind)]
    lacking = {"image": images} if image is None else {}
    lacking |= {LABEL_COLUMN: labels} if label is None else {}
    lacking = {called: likely for called, likely in lacking.items() if likely}
    if not lacking:
        return RENAME
    hints = [_is_meant(called, likely) for called, likely in lacking.items()]
    renamed = {likely[0]: called for called, likely in lacking.items() if len(likely) == 1}
    code = f"pq.write_table(pq.read_table(file).rename_columns({renamed}), file)"
    how = f"; in Python, with pyarrow.parquet as pq: {code}"
    return "; ".join(hints) + (how if len(renamed) == len(lacking) else "")


def _is_meant(called: str, likely: Sequence[str]) -> str:
    names = " or ".join(f"`{shown(name)}`" for name in likely[:3])
    return f"is {names} meant? call {'that column' if len(likely) == 1 else 'the one that is meant'} `{called}`"


def _may_be_labels(kind: Any) -> bool:
    """Whether a type is text or whole numbers."""
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return is_text(values) or pa.types.is_integer(values) or pa.types.is_boolean(values)


def _is_word(word: str, name: str) -> bool:
    """`Label`, `labels`, `fine_label`, `class_id`; not `labelled_by`."""
    return any(part in (word, f"{word}s", f"{word}es") for part in name.casefold().replace("-", "_").split("_"))


def encoded_type(kind: Any) -> Any:
    """The type of the bytes in an image column; None where it can hold no encoded images."""
    inner = kind.field("bytes").type if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0 else kind
    values = inner.value_type if pa.types.is_dictionary(inner) else inner
    good = pa.types.is_binary(values) or pa.types.is_large_binary(values) or is_view(values)
    return inner if good else None


def is_view(kind: Any) -> bool:
    """Whether a type is binary_view; not every Arrow has a test for it."""
    return str(kind) == "binary_view"


def is_text(kind: Any) -> bool:
    """Whether a type is text of any kind."""
    return str(kind) in ("string", "large_string", "string_view")


def _check_image_type(path: Path, name: str, kind: Any) -> None:
    if encoded_type(kind) is None:
        raise DataError(
            f"{path}: column `{shown(name)}` is {shown(str(kind))}, not encoded images", hint=_why_not(kind)
        )


def _why_not(kind: Any) -> str:
    types = pa.types
    values = kind.value_type if types.is_dictionary(kind) else kind
    if (types.is_struct(kind) and kind.get_field_index("path") >= 0) or is_text(values):
        return OUTSIDE
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        inner = kind.value_type
        return f"one image a row; {ENCODED}" if encoded_type(inner) is not None else f"these are pixels: {PIXELS}"
    return f"these are pixels: {PIXELS}" if types.is_fixed_size_binary(kind) else ENCODED


def check_inside(path: Path, name: str, metadata: Any) -> None:
    """Raise DataError where by the file's statistics every image is null and only its path is there."""
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    null = {leaf: all(_all_null(group, f"{name}.{leaf}") for group in groups) for leaf in ("bytes", "path")}
    if metadata.num_rows and null["bytes"] and not null["path"]:
        raise DataError(
            f"{path}: column `{shown(name)}` has only paths, no image is in the file",
            hint=OUTSIDE,
        )


def _all_null(group: Any, leaf: str) -> bool:
    """Whether a leaf of a row group is known to be null in every row; a leaf that is not there is."""
    columns = [group.column(at) for at in range(group.num_columns)]
    statistics = [one.statistics for one in columns if one.path_in_schema == leaf]
    return all(one is not None and one.has_null_count and one.null_count == group.num_rows for one in statistics)
