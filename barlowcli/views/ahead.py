"""Views of several batches made at once: of small images, a batch costs more in calls than in pixels."""

import torch
from torch import Tensor

from barlowcli.views.base import Views
from barlowcli.views.pipeline import CHUNK


class Ahead(Views):
    """The same views as those of `views`, to the bit, for batches in a known order.

    A view is a function of its image alone, whatever the batch, so as many batches as fit a CPU's cache are made in one
    go. Anything but the next batch of the order is made when it is asked for.
    """

    def __init__(self, views: Views, images: Tensor) -> None:
        """images: uint8 (N, 3, H, W), the size of which says how many views are made at once."""
        self.views = views
        self.count = CHUNK // images[0].numel()
        self.follow(torch.empty(0, dtype=torch.long), 0)

    def follow(self, order: Tensor, epoch: int) -> None:
        """From now on batches are the parts of `order` (N,) int64, one after another, in this epoch."""
        self.order, self.epoch = order, epoch
        self.asked = {0: 0, 1: 0}  # view -> how far into the order views were made
        self.ready = dict.fromkeys((0, 1), (order[:0], torch.empty(0)))  # view -> index and views not yet taken

    def __call__(self, images: Tensor, index: Tensor, *, epoch: int | Tensor, view: int) -> Tensor:
        """Views (B, C, S, S) of `images[index]`."""
        batch = len(index)
        if epoch != self.epoch or self.count < 2 * batch:
            return self.views(images, index, epoch=epoch, view=view)
        if not len(self.ready[view][0]):
            start = self.asked[view]
            self.asked[view] = start + self.count // batch * batch
            coming = self.order[start : self.asked[view]]
            if len(coming):
                self.ready[view] = coming, self.views(images, coming, epoch=epoch, view=view)
        coming, made = self.ready[view]
        if not torch.equal(coming[:batch], index):
            return self.views(images, index, epoch=epoch, view=view)
        self.ready[view] = coming[batch:], made[batch:]
        return made[:batch]
