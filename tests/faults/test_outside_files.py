"""Images and Parquet from outside, thing by thing: what is said of each, and at what cost.

More of the same, drawn by the thousand, in `fuzz.py`; what readers say of ordinary damage is tested beside them.
"""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from barlowcli.data import images
from barlowcli.data import parquet as parquet_module
from barlowcli.data.encoded import Encoded, encoded_part, read_encoded
from barlowcli.data.fingerprint import fingerprint
from barlowcli.data.images import decode
from barlowcli.data.imageset import Images
from barlowcli.data.load import load_dataset, open_source
from barlowcli.data.pages import DICTIONARY, column_pages
from barlowcli.data.room import ASIDE, check_room
from barlowcli.errors import BarlowError, DataError
from barlowcli.settings.data import DataSettings
from tests.faults.strategies_images import black_png, encode, many_scans, photo, png_header, text_bomb
from tests.faults.strategies_parquet import good_columns, huge_cell, many_rows, one_for_all, one_label_for_all, parquet

MB = 2**20


def refused(action: Callable[[], Any]) -> BarlowError:
    """The error that an action ends with."""
    with pytest.raises(BarlowError) as caught:
        action()
    return caught.value


def memory_of(action: Callable[[], Any]) -> int:
    """Most bytes that an action had in memory at once, beside those that were there."""
    clear, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    if not clear.exists():
        pytest.skip("only Linux tells the most memory since a moment")

    def kilobytes(name: str) -> int:
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name))

    clear.write_text("5")
    before = kilobytes("VmRSS:")
    action()
    return (kilobytes("VmHWM:") - before) * 1024


def write_folder(root: Path, odd: dict[str, bytes] | None = None) -> str:
    """Two classes of four images, and what else there is; the name of the data set."""
    good = encode(photo(16, 16), "PNG")
    for name, content in ({f"{label}/{n}.png": good for label in "ab" for n in range(4)} | (odd or {})).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return f"folder:{root}"


def load(name: str, **settings: Any) -> Any:
    return load_dataset(DataSettings.model_validate({"name": name, **settings}), root=Path("no-data-root"))


# Images


def test_a_png_called_jpg_is_read_and_text_called_png_is_not(tmp_path: Path) -> None:
    name = write_folder(tmp_path, {"a/photo.jpg": encode(photo(16, 16), "PNG"), "b/words.png": b"plain text"})
    error = refused(lambda: load(name))
    assert isinstance(error, DataError)
    assert error.message == "cannot read image b/words.png: not an image, or of an unknown format"
    assert "--on-bad-image skip" in error.hint
    data = load(name, on_bad_image="skip")
    assert data.skipped == ("cannot read image b/words.png: not an image, or of an unknown format",)
    assert len(data.train) + len(data.validation) + len(data.test) == 9


def test_nothing_is_started_for_a_postscript_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", start)
    assert "not an image, or of an unknown format" in refused(lambda: decode(encode(photo(), "EPS"), "x.png")).message


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PCX", "SGI", "JPEG2000"])
def test_other_formats_are_not_read(kind: str) -> None:
    assert "of an unknown format" in refused(lambda: decode(encode(photo(), kind), "x.png")).message


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_claim_of_billions_of_pixels_costs_nothing() -> None:
    start = time.process_time()
    used = memory_of(lambda: refused(lambda: decode(png_header(60_000, 60_000), "x.png")))
    assert used < 20 * MB
    assert time.process_time() - start < 1


def test_a_large_image_is_never_in_memory_as_a_whole_more_than_twice() -> None:
    side = 4096  # 16-bit grey took 20 bytes a pixel, with a decoded image of 2 and a result of 3
    data = black_png(side, depth=16, colour=0)
    assert len(data) < MB
    assert memory_of(lambda: decode(data)) < 12 * side * side


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I", "CMYK"])
def test_strip_by_strip_an_image_is_the_same(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(photo(37, 23, mode), "TIFF" if mode == "CMYK" else "PNG")
    whole = decode(data)
    monkeypatch.setattr(images, "STRIP", 100)
    monkeypatch.setattr(images, "LARGE", 100)
    assert torch.equal(decode(data), whole)


def test_a_webp_is_bounded_by_what_its_decoder_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "WEBP_PIXELS", 20 * 24 - 1)
    assert refused(lambda: decode(encode(photo(), "WEBP"), "x")).message == "cannot read image x: more than 479 pixels"
    assert decode(encode(photo(), "PNG")).shape == (3, 20, 24)


def test_a_jpeg_of_thousands_of_scans_is_refused() -> None:
    start = time.process_time()
    assert refused(lambda: decode(many_scans(2048, 5000), "x")).message == "cannot read image x: more than 64 scans"
    assert time.process_time() - start < 2
    assert decode(many_scans(64, 20)).shape == (3, 64, 64)


def test_a_remark_that_unpacks_to_64_mb_is_refused() -> None:
    assert memory_of(lambda: refused(lambda: decode(text_bomb(), "x"))) < 150 * MB


def test_a_file_larger_than_any_image_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    with path.open("wb") as file:
        file.truncate(10 * 2**30)
    error = refused(lambda: decode(path, "a/x.png"))
    assert error.message == "cannot read image a/x.png: 10,737,418,240 bytes, more than 268,435,456"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_never_ends_is_not_read(tmp_path: Path) -> None:
    name = write_folder(tmp_path)
    pipe = tmp_path / "a" / "9.png"
    os.mkfifo(pipe)
    assert refused(lambda: decode(pipe, "x")).message == "cannot read image x: not a regular file"
    error = refused(lambda: fingerprint(DataSettings(name=name)))
    assert error.message == f"cannot read {pipe}: not a regular file"
    pipe.unlink()
    pipe.symlink_to("/dev/zero")
    assert refused(lambda: decode(pipe, "x")).message == "cannot read image x: not a regular file"


def test_images_that_no_memory_holds_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = SimpleNamespace(total=2**40, available=ASIDE + 3 * 20 * 24 * 7, total_by="", available_by="")
    monkeypatch.setattr("barlowcli.data.room.memory", lambda: machine)
    one = encode(photo(), "PNG")

    def fetch(rows: torch.Tensor) -> list[Encoded]:
        assert len(rows) == 1  # the first, which tells the size
        return [Encoded(f"{row}.png", one) for row in rows.tolist()]

    def check(train: int, test: int, size: int | None = None) -> None:
        settings = DataSettings(image_size=size)
        part = encoded_part(torch.zeros(9, dtype=torch.int64), fetch, settings)
        rows = {"train": torch.arange(train), "test": torch.arange(test)}
        check_room({split: (part, at) for split, at in rows.items()}, settings, lambda need: True)

    check(4, 2)  # a third of train again, while its channels are counted
    error = refused(lambda: check(4, 3))
    assert error.message.startswith("7 images of 24 x 20 pixels need 0 MiB of memory, and 0.1 GiB are free")
    check(4, 3, size=8)


@pytest.mark.parametrize(("size", "count"), [(8 * MB, 100), (100 * MB, 8)])
def test_large_images_wait_for_their_decoding_a_few_at_a_time(size: int, count: int) -> None:
    good = encode(photo(), "PNG")

    def fetch(rows: torch.Tensor) -> Iterator[Encoded]:
        return (Encoded(f"{row}.png", good + bytes(size)) for row in rows.tolist())  # an end that no decoder reads

    found: list[Images] = []
    used = memory_of(lambda: found.append(read_encoded(fetch, torch.arange(count), size=None, skip=False)))
    assert used < 400 * MB  # of 800
    assert torch.equal(found[0].pixels, decode(good).expand(count, -1, -1, -1))


def test_a_name_that_is_not_utf8_can_be_written_to_a_log(tmp_path: Path) -> None:
    try:
        name = write_folder(tmp_path, {"a/\udcff\n\x1b[31m.png": b"?"})
    except OSError:
        pytest.skip("this file system has no such names")
    assert refused(lambda: load(name)).message.encode().startswith(b"cannot read image a/\\udcff\\n\\x1b[31m.png: ")
    write_folder(tmp_path, {"\udcfe/1.png": b"?"})
    assert refused(lambda: load(name)).message.endswith("only one of `\\udcfe`")


# Data sets by path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("~nobody-here/x", "~nobody-here/x: there is no home folder ~nobody-here on this machine"),
        ("x" * 5000, "x: File name too long"),
        ("a\udcff", "a\\udcff: the path is not valid UTF-8"),
        ("a\x00b", "a\\x00b: no such file or folder"),
        ("../../../../../../no/such", "../../../../../../no/such: no such file or folder"),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "parquet"])
def test_paths_that_no_file_has(kind: str, path: str, message: str) -> None:
    error = refused(lambda: load(f"{kind}:{path}"))
    assert error.message.endswith(message)
    assert error.hint in (
        f"check the path after `{kind}:`",
        "write the whole path, or ./~nobody-here for a folder of that name",
    )


def test_a_device_is_no_data_set(tmp_path: Path) -> None:
    assert "is not a folder" in refused(lambda: load("folder:/dev/null")).message
    (tmp_path / "train.parquet").symlink_to("/dev/zero")
    assert "it has no Parquet file" in refused(lambda: load(f"parquet:{tmp_path}")).message


def test_a_folder_that_cannot_be_looked_into_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write_folder(tmp_path)

    def scandir(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", scandir)
    assert refused(lambda: load(name)).message == f"cannot read {tmp_path}: Permission denied"


# Parquet


def test_pages_are_as_large_as_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table(good_columns(200))
    for options in ({}, {"compression": "zstd"}, {"data_page_version": "2.0"}, {"use_dictionary": False}):
        pq.write_table(table, path, data_page_size=2000, write_batch_size=10, **options)
        group = pq.ParquetFile(path).metadata.row_group(0)
        leaves = [leaf for leaf in map(group.column, range(3)) if leaf.path_in_schema.startswith("img.")]
        pages = column_pages(path, group, "img")
        headers = sum(leaf.total_compressed_size for leaf in leaves) - sum(page.packed for page in pages)
        assert sum(page.unpacked for page in pages) + headers == sum(leaf.total_uncompressed_size for leaf in leaves)
        assert 10 * len(pages) < headers < 500 * len(pages)
        assert any(page.kind == DICTIONARY for page in pages) == ("use_dictionary" not in options)


def test_a_cell_that_unpacks_to_far_more_than_the_file_is_refused_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(huge_cell(64 * MB))
    assert path.stat().st_size < MB
    assert "cannot read image x.parquet row 20" in refused(lambda: load(f"parquet:{path}", image_size=8)).message
    monkeypatch.setattr(parquet_module, "MAX_BYTES", 2**24)
    found: list[BarlowError] = []
    assert memory_of(lambda: found.append(refused(lambda: load(f"parquet:{path}", image_size=8)))) < 20 * MB
    assert re.fullmatch(r".*x\.parquet: column `image` unpacks [\d,]{5,6} bytes to 67,1\d\d,\d\d\d", found[0].message)
    assert "decompression bomb?" in found[0].hint


def test_a_large_cell_that_is_as_large_in_the_file_is_a_bad_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 1000)
    message = refused(lambda: decode(bytes(1001), "x.parquet row 3")).message
    assert message == "cannot read image x.parquet row 3: 1,001 bytes, more than 1,000"


def test_rows_that_share_one_image_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(one_for_all(800))
    assert path.stat().st_size < MB
    assert memory_of(lambda: load(f"parquet:{path}", image_size=8, limit=200, test_limit=200)) < 500 * MB


def test_rows_that_share_one_label_do_not_repeat_it(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(one_label_for_all(2000))
    assert path.stat().st_size < MB
    assert memory_of(lambda: open_source(DataSettings(name=f"parquet:{path}"), Path("no-data-root"))) < 200 * MB


def test_in_parts_a_row_group_gives_the_same_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(parquet(pa.table(good_columns(40)), row_group_size=15))
    whole = load(f"parquet:{path}")
    monkeypatch.setattr(parquet_module, "AT_ONCE", 4000)
    parts = load(f"parquet:{path}")
    assert parts.digest == whole.digest


def test_millions_of_rows_in_a_few_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(many_rows(1_000_000))
    assert f"{path} claims 1,000,000 rows in" in refused(lambda: load(f"parquet:{path}")).message


def test_two_columns_of_one_name_and_odd_paths_and_names(tmp_path: Path) -> None:
    path, good = tmp_path / "x.parquet", good_columns()
    table = pa.table([pa.array(good["img"]), good["label"], good["label"]], ["img", "label", "label"])
    path.write_bytes(parquet(table))
    assert refused(lambda: load(f"parquet:{path}")).message == f"{path} has 2 columns `label`"
    cells = [{"bytes": b"?", "path": b"\xff\x1b[31m" + b"x" * 9999} for _ in good["img"]]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.binary())])
    column = pa.array(cells, kind).cast(kind)
    text = pa.StructArray.from_arrays(
        [column.field("bytes"), pa.Array.from_buffers(pa.string(), 8, column.field("path").buffers())],
        ["bytes", "path"],
    )
    path.write_bytes(parquet(pa.table({"img": text, "label": good["label"]})))
    message = refused(lambda: load(f"parquet:{path}", image_size=8)).message
    assert message.startswith("cannot read image x.parquet row 0 (\\xff\\x1b[31mxxx")
    assert len(message) < 350


def test_names_of_classes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(parquet(pa.table(good_columns())))
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe\n")
    error = refused(lambda: load(f"parquet:{path}"))
    assert error.message == f"cannot read {tmp_path / 'classes.txt'}: it is not UTF-8 text"
    assert error.hint == "write one class name a line"
