"""Write down the forms of today's files: python -m tests.old

Results and a checkpoint of today's versions are made and kept beside those of older ones where there are none yet.
"""

import json

import torch
from torch import nn

from barlowcli.methods.base import Output
from barlowcli.records.files import SCHEMA
from barlowcli.training.checkpoint import CHECKPOINT_SCHEMA, Checkpoint
from barlowcli.training.log import TrainingLog
from barlowcli.training.step import Row
from tests.grids import run_grid, tiny_plan
from tests.old.forms import KEPT, OLD, forms

KEPT_FILES = ("plan.json", "record.json", "metrics.jsonl")


def keep_results() -> None:
    """The smallest grid and its controls, less weights and what nobody reads."""
    folder = OLD / f"results-{SCHEMA}"
    if folder.exists():
        return
    run_grid(tiny_plan({"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]}), folder)
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in KEPT_FILES:
            path.unlink()


def keep_checkpoint() -> None:
    """The state of two layers after a step called the seventh."""
    path = OLD / f"checkpoint-{CHECKPOINT_SCHEMA}.pt"
    if path.exists():
        return
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    loss = network(torch.ones(4, 3)).square().mean()
    loss.backward()
    optimizer.step()
    log = TrainingLog(OLD / "metrics.jsonl", 0.05)
    z = torch.randn(2, 16, 4)
    log.add(7, Row.of(Output(loss.detach(), {}, (z[0], z[1]))))
    Checkpoint(path, network, optimizer, log).save(7)


if __name__ == "__main__":
    keep_results()
    keep_checkpoint()
    KEPT.write_text(json.dumps(forms(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {KEPT}")
