import numpy as np
import pytest
import torch

from barlowcli.data.imageset import Dataset, ImageSet


def some_set(count: int = 6, seed: int = 0) -> ImageSet:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 3, 8, 8), generator=generator, dtype=torch.uint8)
    return ImageSet(images, torch.arange(count), {"colour": torch.arange(count) + 10})


def some_dataset(train: ImageSet, unlabelled: torch.Tensor | None = None) -> Dataset:
    return Dataset("x", train, some_set(), some_set(), unlabelled, ("a", "b"), {}, "label", (), "")


def test_taking_keeps_images_labels_and_factors_together() -> None:
    whole = some_set()
    part = whole.take(torch.tensor([4, 1]))
    assert len(part) == 2
    assert torch.equal(part.images, whole.images[[4, 1]])
    assert part.labels.tolist() == [4, 1]
    assert part.factors["colour"].tolist() == [14, 11]


def test_all_of_a_set_goes_to_the_device() -> None:
    moved = some_set().to("meta")
    assert {moved.images.device.type, moved.labels.device.type, moved.factors["colour"].device.type} == {"meta"}


def test_what_does_not_fit_together_is_refused() -> None:
    images, labels = some_set().images, some_set().labels
    with pytest.raises(ValueError, match=r"images must be uint8 \(N, 3, H, W\), not torch.float32 \(6, 3, 8, 8\)"):
        ImageSet(images.float(), labels)
    with pytest.raises(ValueError, match="images must be uint8"):
        ImageSet(images[:, :1], labels)
    with pytest.raises(ValueError, match=r"labels must be int64 \(6,\), not torch.int64 \(5,\)"):
        ImageSet(images, labels[:5])
    with pytest.raises(ValueError, match="hue must be int64"):
        ImageSet(images, labels, {"hue": labels.int()})


def test_statistics_are_those_of_numpy() -> None:
    train = some_set(50)
    mean, std = some_dataset(train).statistics
    values = train.images.numpy().astype(np.float64) / 255
    np.testing.assert_allclose(mean.numpy(), values.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std.numpy(), values.std((0, 2, 3)), rtol=1e-6)
    assert mean.dtype == std.dtype == torch.float32


def test_a_constant_channel_can_be_divided_by() -> None:
    images = some_set().images.clone()
    images[:, 1] = 51
    mean, std = some_dataset(ImageSet(images, torch.zeros(6, dtype=torch.int64))).statistics
    assert mean[1] == pytest.approx(0.2)
    assert std[1] == pytest.approx(1 / 255)


def test_pretraining_sees_the_unlabelled_images_where_there_are_some() -> None:
    train, more = some_set(), some_set(9, seed=1).images
    assert some_dataset(train).pretrain is train.images
    assert some_dataset(train, more).pretrain is more
