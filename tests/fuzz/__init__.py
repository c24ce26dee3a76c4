"""Random configurations of a training, each scored by the package and by a plain loop: ``python -m tests.fuzz -h``."""
