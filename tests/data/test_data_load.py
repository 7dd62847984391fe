import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from barlowcli.data.fingerprint import fingerprint
from barlowcli.data.images import Decoded, decode_deep
from barlowcli.data.imageset import Dataset, ImageSet
from barlowcli.data.load import load_dataset
from barlowcli.errors import ConfigError, DataError
from barlowcli.settings.data import DataSettings

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"


def load(root: Path, **settings: object) -> Dataset:
    return load_dataset(DataSettings.model_validate(settings), root=root)


def error(root: Path, **settings: object) -> DataError:
    with pytest.raises(DataError) as caught:
        load(root, **settings)
    return caught.value


def png(value: int, height: int = 10, width: int = 10) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), value, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def write(
    path: Path, labels: list[int], start: int = 0, size: tuple[int, int] = (10, 10), bad: tuple[int, ...] = ()
) -> None:
    """Rows of greys that count from `start`; those in `bad` are no images."""
    images = [b"?" if row in bad else png(start + row, *size) for row in range(len(labels))]
    pq.write_table(pa.table({"img": images, "label": labels}), path)


def greys(images: ImageSet) -> set[int]:
    return set(images.images[:, 0, 0, 0].tolist())


def test_validation_is_carved_from_train_and_never_from_test(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", [0, 1] * 20)
    write(tmp_path / "test.parquet", [1, 0] * 5, start=100)
    data = load(tmp_path, name=f"parquet:{tmp_path}", validation=0.25)
    assert greys(data.train) | greys(data.validation) == set(range(40))
    assert greys(data.splits["test"]) == set(range(100, 110))
    assert torch.bincount(data.validation.labels).tolist() == [5, 5]
    for part in (data.train, data.validation):
        assert torch.equal(part.images[:, 0, 0, 0].long() % 2, part.labels)
    assert data.name == f"parquet:{tmp_path}"
    assert data.classes == ("0", "1")
    assert data.label_name == "label"
    assert data.skipped == ()
    assert torch.equal(data.pretrain, data.train.images)


def test_limits_count_and_keep_the_test_split(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", [0, 1] * 20)
    write(tmp_path / "test.parquet", [1, 0] * 5, start=100)
    data = load(tmp_path, name=f"parquet:{tmp_path}", limit=12, test_limit=4, validation=0.5)
    assert [len(part) for part in (data.train, data.validation, data.splits["test"])] == [6, 6, 4]
    assert greys(data.train) | greys(data.validation) < set(range(40))
    caught = error(tmp_path, name=f"parquet:{tmp_path}", limit=1)
    assert caught.message == "data.limit = 1 is less than the 2 classes"
    assert caught.hint == "--set data.limit=4 or more"
    assert load(tmp_path, name=f"parquet:{tmp_path}", limit=4).classes == ("0", "1")
    message = error(tmp_path, name=f"parquet:{tmp_path}", test_limit=1).message
    assert message == "data.test_limit = 1 is less than the 2 classes"
    message = error(tmp_path, name=f"parquet:{tmp_path}", limit=2).message
    assert message == "too few images for a validation split: only one of `0`, `1`"


def test_a_limit_counts_a_validation_split_of_its_own_too(tmp_path: Path) -> None:
    for name, count, start in (("train", 20, 0), ("val", 10, 40), ("test", 4, 60)):
        write(tmp_path / f"{name}.parquet", [0, 1] * count, start)
    whole = load(tmp_path, name=f"parquet:{tmp_path}")
    assert greys(whole.train) == set(range(40))
    assert greys(whole.validation) == set(range(40, 60))
    part = load(tmp_path, name=f"parquet:{tmp_path}", limit=30)
    assert [len(split) for split in (part.train, part.validation, part.splits["test"])] == [20, 10, 8]
    assert greys(part.validation) < greys(whole.validation)
    least = load(tmp_path, name=f"parquet:{tmp_path}", limit=4)
    assert [len(split) for split in (least.train, least.validation)] == [2, 2]
    caught = error(tmp_path, name=f"parquet:{tmp_path}", limit=3)
    assert caught.message == "data.limit = 3 is less than one image of each of 2 classes for train and for validation"
    assert caught.hint == "--set data.limit=4 or more"


def test_only_what_is_chosen_is_decoded(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", [0, 1] * 20)
    write(tmp_path / "test.parquet", [1, 0] * 5, start=100)
    settings = {"name": f"parquet:{tmp_path}", "limit": 12, "test_limit": 4}
    before = load(tmp_path, **settings)
    chosen = greys(before.train) | greys(before.validation)
    write(tmp_path / "train.parquet", [0, 1] * 20, bad=tuple(set(range(40)) - chosen))
    assert load(tmp_path, **settings).digest == before.digest


def test_skipped_images_are_listed_from_all_splits(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", [0, 1] * 20, bad=(3, 8))
    write(tmp_path / "test.parquet", [1, 0] * 5, start=100, bad=(0,))
    data = load(tmp_path, name=f"parquet:{tmp_path}", on_bad_image="skip")
    assert len(data.train) + len(data.validation) == 38
    assert len(data.splits["test"]) == 9
    assert sorted(data.skipped) == [
        "cannot read image test.parquet row 0: not an image, or of an unknown format",
        "cannot read image train.parquet row 3: not an image, or of an unknown format",
        "cannot read image train.parquet row 8: not an image, or of an unknown format",
    ]
    assert "row 0: not an image" in error(tmp_path, name=f"parquet:{tmp_path / 'test.parquet'}").message


def test_skipping_all_of_a_class_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", [0, 1] * 20)
    write(tmp_path / "test.parquet", [1, 0] * 2, start=100, bad=(1, 3))
    message = error(tmp_path, name=f"parquet:{tmp_path}", on_bad_image="skip").message
    assert message == "the test split, without its 2 bad images, has no image of `0`"
    write(tmp_path / "test.parquet", [1, 0] * 2, start=100, bad=(0, 1, 2, 3))
    caught = error(tmp_path, name=f"parquet:{tmp_path}", on_bad_image="skip")
    assert caught.message == "the test split, without its 4 bad images, has no images"
    assert caught.hint == "every split needs images of every class"
    write(tmp_path / "test.parquet", [1, 0, 0], start=100, bad=(0,))
    message = error(tmp_path, name=f"parquet:{tmp_path}", on_bad_image="skip").message
    assert message == "the test split, without its 1 bad image, has no image of `1`"


def test_a_class_that_a_split_lacks_is_named(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", [0, 1, 2] * 4)
    write(tmp_path / "test.parquet", [0, 2])
    (tmp_path / "classes.txt").write_text("ant\nbee\ncat\n")
    assert error(tmp_path, name=f"parquet:{tmp_path}").message == "the test split has no image of `bee`"
    write(tmp_path / "train.parquet", [0, 1] * 4)
    write(tmp_path / "test.parquet", [0, 1, 2])
    assert error(tmp_path, name=f"parquet:{tmp_path}").message == "the train split has no image of `cat`"


def test_one_class_or_none_is_not_enough(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [0, 0, 0, 0])
    assert error(tmp_path, name=f"parquet:{tmp_path / 'a.parquet'}").message == "there is only one class, `0`"
    empty = {"img": pa.array([], pa.binary()), "label": pa.array([], pa.int64())}
    pq.write_table(pa.table(empty), tmp_path / "b.parquet")
    assert error(tmp_path, name=f"parquet:{tmp_path / 'b.parquet'}").message == "the train split has no images"


def test_images_are_brought_to_one_square_size(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", [0, 1] * 20, size=(12, 17))
    write(tmp_path / "test.parquet", [1, 0] * 5, size=(12, 12))
    caught = error(tmp_path, name=f"parquet:{tmp_path}")
    assert caught.message == "images differ in size: train has 17 x 12, test 12 x 12"
    assert caught.hint == "--set data.image_size=12 brings all to one size"
    write(tmp_path / "test.parquet", [1, 0] * 5, size=(12, 17))
    assert error(tmp_path, name=f"parquet:{tmp_path}").message == "images are 17 x 12, not square"
    assert load(tmp_path, name=f"parquet:{tmp_path}", image_size=9).splits["test"].images.shape == (10, 3, 9, 9)


def test_tiny_images_need_a_size(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [0, 1] * 20, size=(5, 5))
    caught = error(tmp_path, name=f"parquet:{tmp_path / 'a.parquet'}")
    assert caught.message == "images are 5 x 5, smaller than 8 x 8"
    assert caught.hint == "--set data.image_size=8 brings all to one size"


def test_the_digest_covers_pixels_labels_and_factors(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    digests = set()
    for labels, start in (([0, 1] * 20, 0), ([0, 1] * 20, 1), ([1, 0] * 20, 0)):
        write(path, labels, start)
        digests.add(load(tmp_path, name=f"parquet:{path}").digest)
    assert len(digests) == 3
    assert all(len(value) == 64 for value in digests)
    tied = {load(tmp_path, limit=50, test_limit=20, colour_tie=tie).digest for tie in (0.0, 0.0, 0.5)}
    assert len(tied) == 2


def test_files_that_changed_after_the_plan_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write(path, [0, 1] * 20)
    settings = DataSettings(name=f"parquet:{path}")
    planned = settings.model_copy(update={"fingerprint": fingerprint(settings)})
    assert len(load_dataset(planned, root=tmp_path).splits["test"]) == 8
    write(path, [0, 1] * 21)
    with pytest.raises(DataError) as caught:
        load_dataset(planned, root=tmp_path)
    assert caught.value.message == f"the files behind parquet:{path} have changed since the plan was made"


def test_names_and_settings_that_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as unknown:
        load(tmp_path, name="colour-digit")
    assert unknown.value.hint == "did you mean `colour-digits`?"
    assert error(tmp_path, name="folder").message == "data set `folder` needs a path"
    message = error(tmp_path, name="cifar10", colour_tie=0.5).message
    assert message == "data.colour_tie = 0.5 has no meaning for cifar10"


@pytest.mark.skipif(not SHARED.exists(), reason="the real images are not here")
def test_a_limited_cifar10_decodes_no_more_than_its_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    read: list[int] = []

    def counted(source: bytes | Path, name: str) -> Decoded:
        read.append(1)
        return decode_deep(source, name)

    monkeypatch.setattr("barlowcli.data.encoded.decode_deep", counted)
    data = load(tmp_path, name=f"parquet:{SHARED / 'cifar10-jpeg'}", limit=1000, test_limit=100)
    assert len(read) == 1101  # the first one twice: its size tells whether all fit into memory
    assert torch.bincount(data.train.labels).tolist() == [90] * 10
    assert torch.bincount(data.splits["test"].labels).tolist() == [10] * 10
    mean, std = data.statistics
    # the known statistics of CIFAR-10
    assert torch.allclose(mean, torch.tensor([0.4914, 0.4822, 0.4465]), atol=0.02)
    assert torch.allclose(std, torch.tensor([0.247, 0.2435, 0.2616]), atol=0.02)
