"""Images are refused by their size before they are read, against what is free."""

from types import SimpleNamespace

import pytest
import torch

from barlowcli.data import room as rooms
from barlowcli.data.imageset import Images, Part
from barlowcli.data.load import load_dataset
from barlowcli.data.room import ASIDE, check_room, room_of
from barlowcli.errors import CrowdedError, DataError
from barlowcli.settings.data import DataSettings

MIB = 2**20


def free(monkeypatch, total: int, available: int, by: str = "the limit of this job in /a/file") -> None:
    found = SimpleNamespace(total=total, available=available, total_by=by, available_by=by)
    monkeypatch.setattr(rooms, "memory", lambda: found)
    monkeypatch.setattr(rooms, "private_bytes", lambda: 0)


def chosen(side: int, **counts: int):
    """Splits of so many images; none but the first of train is ever read."""

    def read(rows):
        assert len(rows) == 1
        return Images(torch.zeros(1, 3, side, side, dtype=torch.uint8), rows)

    return {split: (Part(torch.zeros(n, dtype=torch.int64), read), torch.arange(n)) for split, n in counts.items()}


def test_every_copy_is_counted():
    plain = room_of(chosen(100, train=900, validation=100, test=200), DataSettings())
    assert plain is not None
    assert (plain.count, plain.kept, plain.bytes) == (1200, 1200, 3 * 100 * 100 * (1200 + 300))
    unlabelled = room_of(chosen(100, train=900, validation=100, test=200, unlabelled=5000), DataSettings())
    assert unlabelled is not None
    assert (unlabelled.count, unlabelled.kept) == (6200, 7100)  # train is there twice
    assert unlabelled.bytes == 3 * 100 * 100 * (7100 + 5000)  # and what has no label, while the two are joined
    smaller = room_of(chosen(100, train=900, validation=100, test=200), DataSettings(image_size=50))
    assert smaller is not None
    assert smaller.bytes == plain.bytes // 4


def test_what_does_not_fit_is_refused_with_what_would(monkeypatch):
    free(monkeypatch, 2000 * MIB, 700 * MIB)
    splits = chosen(640, train=900, validation=100, test=200)
    with pytest.raises(DataError) as error:
        check_room(splits, DataSettings(), lambda need: True)
    assert error.value.message == (
        "1,200 images of 640 x 640 pixels need 1.7 GiB of memory, "
        "and 0.7 GiB are free (the limit of this job in /a/file)"
    )
    assert error.value.hint == "--image-size 360 or --limit 221 would fit"
    check_room(splits, DataSettings(image_size=360), lambda need: True)
    check_room(chosen(640, train=200, validation=22, test=200), DataSettings(), lambda need: True)
    with pytest.raises(DataError):
        check_room(chosen(640, train=215, validation=24, test=200), DataSettings(), lambda need: True)


def test_beside_others_it_is_asked_first_and_what_can_never_fit_is_refused_at_once(monkeypatch):
    free(monkeypatch, 2000 * MIB, 100 * MIB)
    splits = chosen(640, train=900, validation=100, test=200)
    asked = []

    def beside_others(need):
        asked.append(need)
        return False  # what is free now is what they left for now

    check_room(splits, DataSettings(), beside_others)
    assert [need.images for need in asked] == [3 * 640 * 640 * 1500]

    def no_room(need):
        raise CrowdedError("wait")

    with pytest.raises(CrowdedError):
        check_room(splits, DataSettings(), no_room)
    with pytest.raises(DataError, match=r"need 6\.9 GiB of memory, and 1\.8 GiB are free"):
        check_room(chosen(1280, train=900, validation=100, test=200), DataSettings(), no_room)


def test_where_nothing_would_fit_no_number_is_made_up(monkeypatch):
    free(monkeypatch, 10 * MIB, 10 * MIB, "")
    with pytest.raises(DataError) as error:
        check_room(chosen(64, train=900, validation=100, test=200), DataSettings(), lambda need: True)
    assert error.value.hint == "a smaller --image-size or --limit, or more memory"


@pytest.mark.parametrize(("bad", "side"), [(0, 40), (3, 40), (4, None)])
def test_the_first_image_that_is_not_broken_tells_the_size(bad, side):
    def read(rows):
        good = rows[rows >= bad]
        return Images(torch.zeros(len(good), 3, 40, 40, dtype=torch.uint8), good)

    part = Part(torch.zeros(4, dtype=torch.int64), read)
    room = room_of({"train": (part, torch.arange(4)), "test": (part, torch.arange(4))}, DataSettings())
    assert (None if room is None else room.height) == side


def test_a_data_set_that_is_loaded_asks_for_its_room(monkeypatch, tmp_path):
    needs = []

    def ask(need):
        needs.append(need)
        return True

    settings = DataSettings(limit=100, test_limit=50)
    data = load_dataset(settings, root=tmp_path, ask=ask)
    kept = sum(part.images.nbytes for part in data.splits.values())
    assert kept <= needs[0].images <= 1.4 * kept
    free(monkeypatch, ASIDE, ASIDE)
    with pytest.raises(DataError, match="150 images of 16 x 16 pixels need"):
        load_dataset(settings, root=tmp_path)
