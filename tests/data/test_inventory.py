"""The numbers of an inventory, against counts made by hand or by comparing every pair of images."""

from collections.abc import Iterable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from barlowcli.data.imageset import ImageSet, Part, Source
from barlowcli.data.inventory import BLOCK_BYTES, hashes_of, leaks, look_at, take_inventory
from barlowcli.data.load import load_dataset
from barlowcli.records.inventory import Inventory, Stored
from barlowcli.settings.data import DataSettings


def some_set(kinds: Iterable[int], labels: Iterable[int]) -> ImageSet:
    """Images of 8 x 8 pixels: those of the same kind are equal."""
    draws = [torch.Generator().manual_seed(kind) for kind in kinds]
    images = [torch.randint(256, (3, 8, 8), generator=draw, dtype=torch.uint8) for draw in draws]
    return ImageSet(torch.stack(images), torch.tensor(list(labels)))


def taken(sets: dict[str, ImageSet], classes: tuple[str, ...] = ("a", "b"), **source: object) -> Inventory:
    part = Part(sets["train"].labels, lambda rows: pytest.fail("nothing is read again"))
    return take_inventory(Source(part, part, classes, **source), DataSettings(name="x"), sets)  # type: ignore[arg-type]


def rows(images: ImageSet) -> list[tuple[Tensor, int]]:
    return list(zip(images.images, images.labels.tolist(), strict=True))


def by_pairs(sets: dict[str, ImageSet]) -> dict[str, int]:
    """The counts of copies, each image held against each other one."""
    trained, tested = rows(sets["train"]) + rows(sets["validation"]), rows(sets["test"])
    seen = [image for image, _ in trained + (rows(sets["unlabelled"]) if "unlabelled" in sets else [])]

    def repeated(images: list[Tensor]) -> int:
        return sum(any(map(image.equal, images[:place])) for place, image in enumerate(images))

    def contradicted(images: list[tuple[Tensor, int]]) -> int:
        return sum(any(image.equal(other) and label != one for other, one in trained) for image, label in images)

    return {
        "train": repeated([image for image, _ in trained]),
        "test": repeated([image for image, _ in tested]),
        "leaked": sum(any(map(image.equal, seen)) for image, _ in tested),
        "train_contradicted": contradicted(trained),
        "test_contradicted": contradicted(tested),
    }


@pytest.mark.parametrize("seed", range(6))
def test_copies_are_those_that_a_comparison_of_every_pair_finds(seed: int) -> None:
    draw = np.random.default_rng(seed)
    sets = {
        name: some_set(draw.integers(low, low + 14, count).tolist(), draw.integers(0, 2, count).tolist())
        for name, low, count in (("train", 0, 14), ("validation", 10, 5), ("test", 8, 16), ("unlabelled", 18, 9))
    }
    if seed % 2:
        del sets["unlabelled"]
    assert taken(sets).copies.model_dump(exclude={"leaked_names"}) == by_pairs(sets)


def test_the_first_test_images_that_were_trained_on_are_named_with_what_they_are_copies_of() -> None:
    sets = {
        "train": some_set([1, 2, 3], [0, 1, 0]),
        "validation": some_set([4, 5], [0, 1]),
        "test": some_set([7, 5, 3, 1], [0, 1, 0, 1]),
        "unlabelled": some_set([7], [0]),
    }
    looks = {name: look_at(images.images) for name, images in sets.items()}
    names = {name: partial("{}/{}".format, name) for name in sets}
    assert leaks(looks, names) == (("test/0", "unlabelled/0"), ("test/1", "validation/1"))
    assert leaks(looks, {}) == ()


def test_classes_whose_images_are_all_alike() -> None:
    sets = {
        "train": some_set([1, 1, 2, 3, 4, 5], [0, 0, 1, 1, 2, 3]),
        "validation": some_set([1, 4], [0, 2]),
        "test": some_set([6, 7, 8, 9], [0, 1, 2, 3]),
    }
    found = taken(sets, ("a", "b", "c", "d"))
    assert (found.alike, found.alike_names) == (2, ("a", "c"))  # d has one image, which says nothing
    assert found.distinct == 5
    assert found.splits["train"].smallest == ("c", 1)
    assert found.splits["train"].largest == ("a", 2)


def test_a_look_tells_flat_images_the_brightest_value_and_whether_there_is_a_colour() -> None:
    images = some_set(range(5), [0] * 5).images
    images[0], images[1, 0], images[1, 1:] = 90, 7, 9
    images[2] = torch.arange(64).view(8, 8) % 6  # more levels than JPEG leaves in one
    look = look_at(images)
    assert (look.flat, look.brightest, look.grey) == (2, int(images.max()), False)
    assert look_at(images[2:3]).brightest == 5
    grey = images[3:, :1].expand(-1, 3, -1, -1)
    assert look_at(grey).grey
    last = grey.clone()
    last[1, 2, 7, 7] ^= 1
    assert not look_at(last).grey


def test_many_blocks_are_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    images = some_set(range(9), [0] * 9).images
    images[8] = images[0]
    whole = look_at(images)
    monkeypatch.setattr("barlowcli.data.inventory.BLOCK_BYTES", 2 * images[0].numel())
    parts = look_at(images)
    assert whole.hashes.tolist() == parts.hashes.tolist()
    assert whole[1:] == parts[1:]
    assert len({*parts.hashes.tolist()}) == 8
    assert BLOCK_BYTES >= 2**20


def test_one_pixel_less_is_another_number() -> None:
    image = np.zeros((1, 3, 64), np.uint8)
    other = image.copy()
    other[0, 2, 63] = 1
    assert hashes_of(image) != hashes_of(other)


def test_files_are_summed_up_by_size_and_depth() -> None:
    assert Stored.of([], []) is None
    assert Stored.together([None, None]) is None
    few, more = Stored.of([(10, 20), (9, 9)], [400, 7]), Stored.of([(50, 2), (30, 30)], [])
    assert few == Stored(smallest=(9, 9), largest=(10, 20), deep=2, peak=400)
    assert Stored.together([few, None, more]) == Stored(smallest=(9, 9), largest=(30, 30), deep=2, peak=400)


def test_where_splits_come_from_and_what_was_left_out_are_said_by_the_source() -> None:
    sets = {name: some_set([seed, seed + 1], [0, 1]) for seed, name in ((0, "train"), (2, "validation"), (4, "test"))}
    found = taken(sets, origins={"train": "Train/", "test": "val/"}, left_out={"hidden": 2})
    assert {name: split.origin for name, split in found.splits.items()} == {
        "train": "Train/",
        "validation": "10 % of train",
        "test": "val/",
    }
    assert found.left_out == {"hidden": 2}


def test_the_inventory_of_a_data_set_is_plain_and_names_no_folder(tmp_path) -> None:
    found = load_dataset(DataSettings(limit=300, test_limit=100), root=tmp_path).inventory
    assert found is not None
    assert Inventory.model_validate_json(found.model_dump_json()) == found
    assert (found.classes, found.side, found.images) == (10, 16, 400)
    assert not found.grey
    assert len(found.model_dump_json()) < 1000
