"""What raw colour histograms alone tell of the class: the control `histogram`, on a data set of Parquet files.

    python bench/histogram_controls.py --parquet ../shared/data/cifar10-jpeg --out bench/results/histogram_controls.json

Measured on CIFAR-10 (JPEG), 45,000 images for training, 5,000 for validation, 10,000 for testing, seed 0 (chance 10 %):

    histogram       kNN (k 50)   linear    MLP
    joint 8x8x8       39.6 %     35.8 %   43.3 %
    marginal 3x32     33.2 %     31.3 %   36.4 %

An independent measurement of the first row gave 40.2, 35.7 and 43.0 %. Two to three minutes on one CPU core.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch

from barlowcli.data.load import load_dataset
from barlowcli.evaluation.probes import probe_histograms
from barlowcli.machine.provenance import provenance
from barlowcli.settings.data import DataSettings
from barlowcli.settings.evaluation import EvaluationSettings
from barlowcli.settings.methods import HistogramSettings


def main() -> None:
    """Probe the histograms and print a table; write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parquet", required=True, help="folder with train.parquet and test.parquet, or one file")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the numbers and the settings of the probes here")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    data = load_dataset(DataSettings(name=f"parquet:{arguments.parquet}"), root=Path.cwd())
    parts = data.splits
    images = {
        name: (part.images.to(arguments.device), {"label": part.labels.to(arguments.device)})
        for name, part in parts.items()
    }
    start = time.perf_counter()
    found = probe_histograms(
        images, HistogramSettings(), EvaluationSettings(), classes={"label": len(data.classes)}, seed=arguments.seed
    )
    seconds = time.perf_counter() - start
    metrics = {str(metric): measured.value for metric, measured in found.items() if measured.value is not None}
    probes = {str(metric): measured.settings for metric, measured in found.items()}

    counts = {name: len(part) for name, part in parts.items()}
    print(f"{counts}, {len(data.classes)} classes, {arguments.device}, {seconds:.0f} s")
    for name, value in metrics.items():
        print(f"{name:24s} {100 * value:5.1f} %   {probes[name]}")
    if arguments.out is not None:
        record = {
            "metrics": metrics,
            "probes": probes,
            "counts": counts,
            "seconds": round(seconds, 1),
            "provenance": {**provenance(arguments.device, ["python", *sys.argv]), "data_digest": data.digest},
        }
        arguments.out.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
