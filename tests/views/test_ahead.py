"""Views made ahead are the views that would have been made, and are made in fewer calls."""

import torch
from torch import Tensor

from barlowcli.settings.views import ViewSettings
from barlowcli.views.ahead import Ahead
from barlowcli.views.base import Views
from barlowcli.views.pipeline import CHUNK, AugmentedViews

VIEWS = AugmentedViews(ViewSettings(shuffle="pixels"), image_size=8, mean=[0.2] * 3, std=[0.3] * 3, seed=3)
IMAGES = torch.randint(0, 256, (2500, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


class Counted(Views):
    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, images: Tensor, index: Tensor, *, epoch: int | Tensor, view: int) -> Tensor:
        self.calls.append(len(index))
        return VIEWS(images, index, epoch=epoch, view=view)


def test_batches_in_order_are_the_same_bits_in_fewer_calls():
    counted = Counted()
    ahead = Ahead(counted, IMAGES)
    count = 0
    for epoch in (0, 1):
        order = torch.randperm(len(IMAGES), generator=torch.Generator().manual_seed(epoch))
        ahead.follow(order, epoch)
        for index in order.split(64)[:-1]:
            for view in (0, 1):
                made = ahead(IMAGES, index, epoch=epoch, view=view)
                assert torch.equal(made, VIEWS(IMAGES, index, epoch=epoch, view=view))
                count += 1
    assert max(counted.calls) <= CHUNK // (3 * 8 * 8)
    assert len(counted.calls) * 15 < count


def test_anything_but_the_next_batch_is_made_as_asked():
    counted = Counted()
    ahead = Ahead(counted, IMAGES)
    ahead.follow(torch.arange(2000), 4)
    other = torch.arange(1900, 1932)
    for epoch in (4, 5):
        assert torch.equal(ahead(IMAGES, other, epoch=epoch, view=1), VIEWS(IMAGES, other, epoch=epoch, view=1))
    first = torch.arange(32)
    assert torch.equal(ahead(IMAGES, first, epoch=4, view=1), VIEWS(IMAGES, first, epoch=4, view=1))
    beyond = torch.arange(2100, 2132)
    assert torch.equal(ahead(IMAGES, beyond, epoch=4, view=0), VIEWS(IMAGES, beyond, epoch=4, view=0))


def test_large_batches_are_not_made_ahead():
    counted = Counted()
    ahead = Ahead(counted, IMAGES)
    ahead.follow(torch.arange(2500), 0)
    ahead(IMAGES, torch.arange(1200), epoch=0, view=0)
    assert counted.calls == [1200]
