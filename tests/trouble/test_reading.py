"""What a person is told of the images that were read, before the first cell: nothing to worry about, or what is wrong.

Each test is a data set as someone has it. What is printed is what `barlow run` prints.
"""

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from barlowcli.cli import output
from barlowcli.cli.output import Terminal
from barlowcli.data.images import decode
from barlowcli.data.load import load_dataset
from barlowcli.engines.base import Event
from barlowcli.errors import DataError
from barlowcli.records.inventory import Inventory
from barlowcli.settings.data import DataSettings
from tests.grids import tiny_plan
from tests.trouble.made import class_folders, photo, png, put, table

Told = Callable[..., tuple[list[str], list[str]]]
GREY = "no image has a colour: colour jitter does little here, and a histogram is one of brightness"


def inventory(name: str, **settings: Any) -> Inventory:
    found = load_dataset(DataSettings.model_validate({"name": name, **settings}), root=Path("no-data-root")).inventory
    assert found is not None
    return found


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """`told("folder:PATH")` -> the lines of what was read, and the warnings."""

    def tell(name: str, *, quiet: bool = False, **settings: Any) -> tuple[list[str], list[str]]:
        with Terminal(quiet=quiet).cells([]) as show:
            show(Event("read", "a cell", inventory=inventory(name, **settings)))
        out, err = capsys.readouterr()
        assert out == ""  # which is JSON alone where that was asked for
        lines = err.splitlines()
        warnings = [line.removeprefix("warning: ") for line in lines if line.startswith("warning: ")]
        return [line for line in lines if not line.startswith("warning: ")], warnings

    return tell


def two_classes(root: Path, train: int = 40, test: int = 30) -> Path:
    """Nothing is wrong with these."""
    class_folders(
        root / "test", {"cat": test, "dog": test}, class_folders(root / "train", {"cat": train, "dog": train})
    )
    return root


def test_good_data_are_told_in_three_short_lines_and_nothing_is_warned_of(told, tmp_path):
    lines, warnings = told(f"folder:{two_classes(tmp_path / 'pets')}")
    assert lines[0] == "read pets: 2 classes, 16 x 16 pixels"
    assert lines[2:] == ["  images a class in train: 36"]
    assert lines[1] == "  train 72 (train/), validation 8 (10 % of train), test 60 (test/)"
    assert all(len(line) <= 80 for line in lines)
    assert not warnings


@pytest.mark.parametrize("suffix", ["tif", "gif", "webp", "png"])
def test_stacks_of_pages_and_animations(told, tmp_path, suffix):
    pets = two_classes(tmp_path / "pets")
    for number in range(3):
        pages = [Image.fromarray(photo(1000 * page + number)) for page in (1, 2, 3)]
        path = pets / "train" / "cat" / f"stack{number}.{suffix}"
        pages[0].save(path, save_all=True, append_images=pages[1:])
        if suffix != "gif" and suffix != "webp":  # those lose colours
            assert torch.equal(decode(path), torch.from_numpy(photo(1000 + number)).permute(2, 0, 1))
    _, warnings = told(f"folder:{pets}")
    assert warnings == ["3 of 143 files have several pages or frames: only the first of each is read"]


def test_the_embedded_data_set_is_good(told):
    assert told("colour-digits", limit=300) == (
        [
            "read colour-digits: 10 classes, 16 x 16 pixels",
            "  train 270, validation 30 (10 % of train), test 1,000",
            "  images a class in train: 27",
        ],
        [],
    )


def test_one_folder_without_splits_says_what_was_drawn_from_it(told, tmp_path):
    class_folders(tmp_path, {"cat": 150, "dog": 150})
    lines, warnings = told(f"folder:{tmp_path}", test_fraction=0.25)
    assert "test 76 (25 % of each class)" in lines[1]
    assert not warnings


def test_a_photo_of_train_was_copied_to_test(told, tmp_path):
    root = two_classes(tmp_path)
    shutil.copy(root / "train" / "cat" / "003.png", root / "test" / "cat" / "new.png")
    shutil.copy(root / "train" / "cat" / "004.png", root / "test" / "dog" / "001.png")
    _, warnings = told(f"folder:{root}")
    assert warnings == [
        "2 of 61 test images are, pixel for pixel, also among the training images, 1 of them with another label "
        "(test/cat/new.png is train/cat/003.png, test/dog/001.png is train/cat/004.png)"
    ]


def test_only_the_first_copies_are_named_and_files_of_rows_are_too(told, tmp_path):
    images = [png(photo(seed)) for seed in range(40)]
    table(tmp_path / "train.parquet", images, [0, 1] * 20)
    table(tmp_path / "test.parquet", images[:3] + [png(photo(seed)) for seed in range(100, 157)], [0, 1] * 30)
    _, warnings = told(f"parquet:{tmp_path}")
    assert warnings == [
        "3 of 60 test images are, pixel for pixel, also among the training images "
        "(test.parquet row 0 is train.parquet row 0, test.parquet row 1 is train.parquet row 1, …)"
    ]


def test_the_test_folder_is_a_copy_of_train(told, tmp_path):
    class_folders(tmp_path / "train", {"cat": 40, "dog": 30})
    shutil.copytree(tmp_path / "train", tmp_path / "test")
    _, (warning,) = told(f"folder:{tmp_path}")
    assert warning == (
        "70 of 70 test images are, pixel for pixel, also among the training images "
        "(test/cat/000.png is train/cat/000.png, test/cat/001.png is train/cat/001.png, …)"
    )


def test_a_copy_is_found_in_another_format_and_in_the_validation_split(told, tmp_path):
    class_folders(tmp_path / "val", {"cat": 9, "dog": 9}, class_folders(tmp_path / "train", {"cat": 30, "dog": 30}))
    class_folders(tmp_path / "test", {"cat": 30, "dog": 30}, 500)
    Image.open(tmp_path / "val" / "dog" / "002.png").save(tmp_path / "test" / "dog" / "002.bmp")
    _, (warning,) = told(f"folder:{tmp_path}")
    assert warning == (
        "1 of 61 test images is, pixel for pixel, also among the training images (test/dog/002.bmp is val/dog/002.png)"
    )


def test_a_table_has_the_same_image_under_two_labels(told, tmp_path):
    images = [png(photo(seed)) for seed in range(160)]
    images[10] = images[1]  # label 0, and label 1
    table(tmp_path / "train.parquet", images[:100], [0, 1] * 50)
    table(tmp_path / "test.parquet", [images[7], *images[101:]], [0, 1] * 30)  # the seventh has label 1 in train
    _, warnings = told(f"parquet:{tmp_path}")
    assert warnings == [
        "1 of 60 test images is, pixel for pixel, also among the training images with another label "
        "(test.parquet row 0 is train.parquet row 7)",
        "2 of 100 training images are there again with another label",
        "1 of 100 training images is a copy of another one",
    ]


def test_a_class_was_filled_up_with_copies(told, tmp_path):
    root = two_classes(tmp_path)
    for number in range(20):
        shutil.copy(root / "train" / "dog" / f"{number % 5:03}.png", root / "train" / "dog" / f"more-{number}.png")
    _, (warning,) = told(f"folder:{root}")
    assert warning == "20 of 100 training images are copies of another one"


def test_a_few_copies_among_many_images_are_kept_in_numbers_alone(told, tmp_path):
    class_folders(tmp_path / "train", {"cat": 60, "dog": 60})
    class_folders(tmp_path / "test", {"cat": 30, "dog": 30}, 500)
    shutil.copy(tmp_path / "train" / "cat" / "000.png", tmp_path / "train" / "cat" / "again.png")
    name = f"folder:{tmp_path}"
    assert told(name)[1] == []
    assert inventory(name).copies.train == 1


def test_only_images_in_use_count_as_copies(told, tmp_path):
    root = two_classes(tmp_path)
    for number in range(40):
        shutil.copy(root / "train" / "cat" / f"{number:03}.png", root / "test" / "cat" / f"{number:03}.png")
    whole, part = (inventory(f"folder:{root}", limit=limit).copies.leaked for limit in (None, 20))
    assert (whole, part) == (40, 10)


@pytest.mark.parametrize("shape", [(16, 16), (16, 16, 3)])
def test_a_camera_of_12_bits_left_files_of_16(told, tmp_path, shape):
    for split, count in (("train", 30), ("test", 30)):
        for name in ("cat", "dog"):
            for number in range(count):
                seed = [number, *split.encode(), *name.encode()]
                values = np.random.default_rng(seed).integers(0, 4096, shape).astype(np.uint16)
                values[0, 0] = 4095
                put(tmp_path / split / name / f"{number}.png", png(values))
    _, warnings = told(f"folder:{tmp_path}")
    assert warnings[0] == (
        "the files have 16 bits but no value above 4,095 of 65,535 (12 bits in 16): they are read as nearly black, at "
        "most 16 of 255; scale them to the full range first"
    )
    assert warnings[1:] == ([GREY] if len(shape) == 2 else [])


def test_files_of_16_bits_that_use_them_are_good(told, tmp_path):
    root = two_classes(tmp_path)
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        values = np.random.default_rng(number).integers(0, 2**16, (16, 16, 3)).astype(np.uint16)
        path.write_bytes(png(values))
    assert told(f"folder:{root}")[1] == []
    read = inventory(f"folder:{root}")
    assert read.stored is not None
    assert (read.stored.deep, read.stored.peak) == (140, 65535)


def test_some_files_are_scans_of_12_bits_in_tiff(told, tmp_path):
    root = two_classes(tmp_path)
    for number in range(5):
        values = np.random.default_rng(number).integers(0, 4000, (16, 16)).astype(np.uint16)
        Image.fromarray(values).save(root / "train" / "dog" / f"scan{number}.tif")
    _, (warning,) = told(f"folder:{root}")
    assert warning.startswith("5 of 145 files have 16 bits but no value above 3,9")


def test_masks_are_of_zeros_and_ones(told, tmp_path):
    root = two_classes(tmp_path)
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        path.write_bytes(png((photo(number)[..., 0] > 128).astype(np.uint8)))
    _, warnings = told(f"folder:{root}")
    assert "no pixel is brighter than 1 of 255: the images are nearly black" in warnings


def test_all_photos_are_grey(told, tmp_path):
    root = two_classes(tmp_path)
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        path.write_bytes(png(photo(number)[..., 0]))
    assert told(f"folder:{root}")[1] == [GREY]


def test_every_image_of_a_class_is_a_placeholder(told, tmp_path):
    root = two_classes(tmp_path)
    for path in (root / "train" / "dog").iterdir():
        path.write_bytes(png(photo(1)))
    _, warnings = told(f"folder:{root}")
    assert warnings[-1] == "all images of `dog` are the same"
    for path in (root / "train" / "cat").iterdir():
        path.write_bytes(png(photo(2)))
    _, warnings = told(f"folder:{root}")
    assert warnings[-1] == "all images of `cat`, `dog` are the same, within each class"
    for path in (root / "train").rglob("*.png"):
        path.write_bytes(png(photo(1)))
    _, warnings = told(f"folder:{root}")
    assert warnings[-1] == "all training images are the same"


def test_some_images_came_out_blank(told, tmp_path):
    root = two_classes(tmp_path)
    for number in range(4):
        blank = Image.new("RGB", (16, 16), (200, 30 * number, 90))
        blank.save(root / "train" / "cat" / f"{number:03}.png")
    _, (warning,) = told(f"folder:{root}")
    assert warning == "4 of 140 images are of a single colour"


def test_one_class_is_most_of_the_data(told, tmp_path):
    last = class_folders(tmp_path / "train", {"daisy": 200, "rose": 30, "tulip": 10})
    class_folders(tmp_path / "test", {"daisy": 60, "rose": 30, "tulip": 10}, last)
    lines, warnings = told(f"folder:{tmp_path}")
    assert lines[-1] == "  images a class in train: 9 (`tulip`) to 180 (`daisy`)"
    assert warnings == [
        "classes are uneven: `daisy` has 20 times the images of `tulip`; always answering `daisy` is right for 60.0 % "
        "of the test images"
    ]


def test_there_are_hardly_any_images_to_test_on(told, tmp_path):
    _, warnings = told(f"folder:{two_classes(tmp_path, 20, 4)}")
    assert warnings == ["there are only 8 test images: each is worth 12.5 points of accuracy"]


def test_thumbnails_are_enlarged(told, tmp_path):
    lines, warnings = told(f"folder:{two_classes(tmp_path)}", image_size=64)
    assert lines[0].endswith("64 x 64 pixels, in files 16 x 16")
    assert warnings == ["images are enlarged to 64 x 64 pixels from at most 16 x 16"]


def test_photos_of_several_sizes_are_named_by_their_smallest_and_largest(told, tmp_path):
    root = two_classes(tmp_path)
    put(root / "train" / "cat" / "wide.png", png(photo(901, 40, 20)))
    put(root / "test" / "dog" / "small.png", png(photo(902, 12, 12)))
    lines, warnings = told(f"folder:{root}", image_size=16)
    assert lines[0].endswith("2 classes, 16 x 16 pixels, in files 12 x 12 to 40 x 20")
    assert not warnings


def test_bad_images_that_were_skipped_are_counted(told, tmp_path):
    root = two_classes(tmp_path)
    (root / "train" / "cat" / "000.png").write_bytes(b"cut")
    assert told(f"folder:{root}", on_bad_image="skip")[0][-1] == "  left out: 1 bad image"
    (root / "test" / "dog" / "000.png").write_bytes(b"")
    lines, warnings = told(f"folder:{root}", on_bad_image="skip")
    assert lines[-1] == "  left out: 2 bad images"
    assert not warnings


def test_leftovers_and_links_to_nowhere_are_counted_by_what_they_are(told, tmp_path):
    root = two_classes(tmp_path / "pets")
    put(root / "train" / "cat" / "@eaDir" / "000.png", png(photo(1)))
    put(root / "__MACOSX" / "train" / "cat" / "._000.png", b"of a Mac")
    put(root / "train" / "dog" / "Thumbs.db", b"of Windows")
    put(root / "train" / "dog" / ".hidden.png", b"?")
    (root / "test" / "dog" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    lines, warnings = told(f"folder:{root}", on_bad_image="skip")
    assert lines[-1] == "  left out: 1 bad image, 1 hidden, 3 left by other programs"
    assert not warnings


def test_val_serves_as_test_and_a_split_that_is_not_used_is_named(told, tmp_path):
    root = two_classes(tmp_path / "pets")
    (root / "test").rename(root / "val")
    lines, _ = told(f"folder:{root}")
    assert lines[1].endswith("test 60 (val/)")
    for number in range(3):
        put(root / "test" / f"{number}.png", png(photo(900 + number)))
    lines, warnings = told(f"folder:{root}")
    assert lines[1].endswith("test 60 (val/)")
    assert lines[-1] == "  left out: 3 in test/ (not used)"
    assert not warnings


def test_quiet_is_quiet_about_good_data_and_not_about_others(told, tmp_path):
    root = two_classes(tmp_path)
    assert told(f"folder:{root}", quiet=True) == ([], [])
    shutil.copy(root / "train" / "cat" / "003.png", root / "test" / "cat" / "003.png")
    lines, warnings = told(f"folder:{root}", quiet=True)
    assert (lines, len(warnings)) == ([], 1)


def test_the_same_images_are_told_of_once_and_others_again(capsys):
    shown = Terminal(quiet=False)
    first, other = inventory("colour-digits", limit=300), inventory("colour-digits", limit=200)
    for read in (first, inventory("colour-digits", limit=300), other):
        with shown.cells([]) as show:  # as each stage of an experiment does
            show(Event("read", "a cell", inventory=read))
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("  train")] == [
        "  train 270, validation 30 (10 % of train), test 1,000",
        "  train 180, validation 20 (10 % of train), test 1,000",
    ]


def test_on_a_terminal_words_stay_whole_above_the_bars(monkeypatch, tmp_path):
    root = two_classes(tmp_path / "pets")
    shutil.copy(root / "train" / "cat" / "004.png", root / "test" / "dog" / "001.png")
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=60, soft_wrap=True, highlight=False)
    monkeypatch.setattr(output, "console", lambda *, stderr: terminal)
    cell = tiny_plan().cells[0]
    with Terminal(quiet=False).cells([cell]) as show:
        show(Event("read", cell.id, inventory=inventory(f"folder:{root}")))
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", line) for line in screen.getvalue().splitlines()]
    at = lines.index("warning: 1 of 60 test images is, pixel for pixel, also among")
    assert lines[at + 1 : at + 3] == [
        "  the training images with another label (test/dog/001.png",
        "  is train/cat/004.png)",
    ]
    assert lines.index("read pets: 2 classes, 16 x 16 pixels") < at


def test_a_class_with_an_endless_name_does_not_fill_the_screen(told, tmp_path):
    last = class_folders(tmp_path / "train", {"a" * 200: 100, "b": 8})
    class_folders(tmp_path / "test", {"a" * 200: 30, "b": 30}, last)
    lines, _ = told(f"folder:{tmp_path}")
    assert lines[-1] == f"  images a class in train: 7 (`b`) to 90 (`{'a' * 31}…`)"


def test_one_class_alone_is_refused_before_anything_is_read(tmp_path):
    class_folders(tmp_path, {"cat": 20})
    with pytest.raises(DataError, match="there is only one class, `cat`"):
        inventory(f"folder:{tmp_path}")
