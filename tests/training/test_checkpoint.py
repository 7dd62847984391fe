"""What a checkpoint of a GPU is made of: copies that stand still, written by a thread whose errors are heard."""

import threading
from collections import OrderedDict

import pytest
import torch

from barlowcli.training.checkpoint import Writing, aside


def test_copies_stand_still_while_what_they_were_made_of_goes_on():
    weight, moment = torch.arange(3.0), torch.ones(2)
    groups = [{"params": [0], "betas": (0.9, 0.99)}]
    optimizer = {"state": {0: {"moment": moment, "step": 7}}, "param_groups": groups}
    state = {"method": OrderedDict(weight=weight), "optimizer": optimizer}
    copied = aside(state)
    weight.zero_()
    moment.add_(1)
    assert torch.equal(copied["method"]["weight"], torch.arange(3.0))
    assert torch.equal(copied["optimizer"]["state"][0]["moment"], torch.ones(2))
    assert copied["optimizer"]["param_groups"] == groups


def test_the_error_of_a_write_is_raised_where_it_is_waited_for():
    go_on = threading.Event()

    def refuse() -> None:
        go_on.wait(10)
        raise OSError("no space left")

    writing = Writing(refuse)
    go_on.set()
    with pytest.raises(OSError, match="no space left"):
        writing.end()
