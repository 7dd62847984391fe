from pathlib import Path

import pytest

from barlowcli.data.class_names import MOST_CLASS_BYTES, read_class_file
from barlowcli.errors import DataError


def test_a_line_a_class_or_label_tab_name_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    path.write_text("ice cream\n lemon \n\n")
    assert read_class_file(path) == ["ice cream", "lemon"]
    path.write_text("1\tn02\tlemon\n0\tn01\tice cream\n")
    assert read_class_file(path) == ["ice cream", "lemon"]
    path.write_text("")
    assert read_class_file(path) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"0\tice cream\n2\tlemon\n", "line 2 starts with `2`, not with a label from 0 to 1"),
        (b"caf\xe9\n", "it is not UTF-8 text"),
        ("café\n".encode("utf-16-le"), "it is not UTF-8 text"),
        (b"a" * (MOST_CLASS_BYTES + 1), f"is longer than {MOST_CLASS_BYTES:,} bytes"),
    ],
)
def test_what_names_no_classes(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_class_file(path)
    assert words in caught.value.message
    assert "write one class name a line" in caught.value.hint
