"""skorch's own tests, with a recorder on every net: ``python -m tests.skorch_suite -h``."""
