"""One thread per process, no test by the clock, and Ctrl-C as at a terminal.

Two test processes with two threads each wait for each other most of the time. Hypothesis fails what takes longer than a
fifth of a second, as the first call of a library that loads what it needs may do. A shell lets what it starts in the
background ignore Ctrl-C, which some tests send.
"""

import signal

import hypothesis
import torch

torch.set_num_threads(1)
hypothesis.settings.register_profile("no clock", deadline=None)
hypothesis.settings.load_profile("no clock")
signal.signal(signal.SIGINT, signal.default_int_handler)
