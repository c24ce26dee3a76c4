"""Two processes that train one net on one device, against one that trains on their joint batches; see cuda_checks.

torchrun --nproc_per_node 2 tests/distributed/on_one_device.py cuda FOLDER
"""

import sys
from pathlib import Path

import numpy as np
from launched import WEIGHT, X, Y, by_hand, found, recorded
from skorch.dataset import ValidSplit
from test_distributed import FIRST, dealt, reference
from torch import distributed

from actscore_sk import ActionScoreClassifier
from actscore_sk.metrics import get_metric_names


def main(device, folder):
    distributed.init_process_group("gloo")  # one device has room for one process of NCCL
    path = Path(folder) / "rows.npy"
    weighted = ActionScoreClassifier(by_hand(device=device), metrics=get_metric_names()).fit(X, Y, sample_weight=WEIGHT)
    for mine, expected in (
        (recorded(by_hand(device=device), store_trajectories=path), reference(dealt)),
        (
            recorded(by_hand(device=device, train_split=ValidSplit(4)), reduction="auto"),
            reference(dealt, held_out=FIRST, reduction="auto"),
        ),
        (found(weighted, weighted.estimator_), reference(dealt, weight=WEIGHT)),
    ):
        for name, values in expected.items():
            np.testing.assert_allclose(mine[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
    if distributed.get_rank() == 0:
        print(f"scores equal those of one process in 3 configurations, trajectories {np.load(path).shape}")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
