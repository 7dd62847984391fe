"""What memory a cell needs, counted on the cell itself before it learns: a pass of two images, drawn out to a batch."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from barlowcli.cell.evaluate import PROBE_BATCH
from barlowcli.cell.footprint import beside_weights, widths_of
from barlowcli.data.imageset import Dataset
from barlowcli.evaluation.memory import probing_bytes
from barlowcli.machine.needs import Need
from barlowcli.methods.base import Method
from barlowcli.settings.stages import EncoderConfig, TrainedConfig
from barlowcli.training.meter import SavedForBackward

FEW = 2
VIEWS = 2
CONTEXT = 2**30
"""Of a GPU's memory: what CUDA and its libraries take in each process, and what a captured step keeps for itself."""
COPIES = 2
"""Of a batch that is probed, as it is brought from bytes to normalised values."""


@dataclass
class Passed:
    """What a pass of a few images took. saved: kept until it is passed back; widest: input and output of the layer that
    has most of both; images: themselves."""

    saved: int = 0
    widest: int = 0
    images: int = 0
    handles: list[Any] = field(default_factory=list)

    def watch(self, network: nn.Module) -> None:
        """Look at every layer of it."""

        def look(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self.widest = max(self.widest, sum(tensor.nbytes for tensor in (*inputs, output)))

        self.handles += [layer.register_forward_hook(look) for layer in network.modules() if not [*layer.children()]]


def need_of(method: Method, config: EncoderConfig, data: Dataset) -> Need:
    """What the cell needs of the memory that its images lie in: the machine's or a GPU's."""
    found = counted(method, config, data)
    return found if data.train.images.device.type == "cpu" else as_on_gpu(found)


def counted(method: Method, config: EncoderConfig, data: Dataset) -> Need:
    """The images, which are in memory by now, a training step, and what is probed: a batch of images, or the features
    of all of them. Loss and predictor are left out, which take a tenth of a step at most in the shipped experiments.

    Nothing that is computed later depends on this: the pass is in evaluation mode, which changes no statistics.
    """
    images = sum(part.images.nbytes for part in data.splits.values())
    images += 0 if data.unlabelled is None else data.unlabelled.nbytes
    passed = pass_few(method, config, data)
    probe = (COPIES * passed.images + passed.widest) * min(PROBE_BATCH, len(data.train)) // FEW
    tests = len(data.test) if data.test is not None else 0
    probe = max(probe, probing_bytes(widths_of(config), len(data.train), len(data.validation), tests))
    if not isinstance(config, TrainedConfig):
        return Need(images=images, step=0, probe=probe, counted=True)
    trained = sum(parameter.nbytes for parameter in method.parameters() if parameter.requires_grad)
    activations = (passed.saved + passed.images) * config.training.batch_size // FEW
    step = beside_weights(config.training.optimizer) * trained + VIEWS * activations
    return Need(images=images, step=step, probe=probe, counted=True)


def as_on_gpu(found: Need) -> Need:
    """What is counted for the machine's memory as that of a GPU, where all of it lies there."""
    on_gpu = CONTEXT + (found.images or 0) + max(found.step or 0, found.probe or 0)
    return Need(images=found.images, counted=True, on_gpu=on_gpu)


def pass_few(method: Method, config: EncoderConfig, data: Dataset) -> Passed:
    """A view of a few images through encoder and projector."""
    side, networks = data.train.images.shape[-1], [part for part in (method.encoder, method.projector) if part]
    network, training, found = nn.Sequential(*networks), method.training, Passed()
    images = torch.zeros(FEW, 3 + config.random_bits, side, side, device=data.train.images.device)
    images = images.to(memory_format=torch.channels_last)
    saved = SavedForBackward(method.state_dict().values())
    found.watch(network)
    method.eval()
    try:
        with saved:
            network(images)
    finally:
        method.train(training)
        for handle in found.handles:
            handle.remove()
    found.saved, found.images = saved.bytes, images.nbytes
    return found
