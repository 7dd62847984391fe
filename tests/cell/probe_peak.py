"""How far the memory of this process rises while features are probed: `python -m tests.cell.probe_peak WIDTH TRAIN`."""

import sys
from pathlib import Path

import torch

from barlowcli.evaluation.probes import Space, Split, probe_features
from barlowcli.settings.evaluation import EvaluationSettings


def peak_of(width: int, counts: dict[str, int]) -> int:
    """Bytes above those of a process that has torch and has probed something small."""
    probe(32, {"train": 64, "validation": 32, "test": 32})
    before = most()
    probe(width, counts)
    return most() - before


def most() -> int:
    """Bytes that this process had at the most. Not those of getrusage, which has its parent's too."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def probe(width: int, counts: dict[str, int]) -> None:
    """Every probe of features that tell a label of two classes."""
    splits, histograms = {}, {}
    for name, count in counts.items():
        features = torch.randn(count, width)
        splits[name] = Split(features, {"label": (features[:, 0] > 0).long()})
        histograms[name] = features[:, :8].relu() / 8
    settings = EvaluationSettings(linear_l2=(1.0,), knn_k=(5,))
    probe_features(Space("z", "none", splits, {"label": 2}, settings, (5,), histograms=histograms))


if __name__ == "__main__":
    torch.set_num_threads(1)
    width, train = map(int, sys.argv[1:])
    print(peak_of(width, {"train": train, "validation": train // 8, "test": train // 4}))
