"""One thread a process: two test processes with two threads each wait for each other most of the time."""

import torch

torch.set_num_threads(1)
