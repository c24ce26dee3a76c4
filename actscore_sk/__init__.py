"""Sample difficulty from one training run, for scikit-learn and skorch."""

__version__ = "0.1.0"
