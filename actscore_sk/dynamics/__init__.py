"""Training dynamics: what is measured at a visit (kernels), how it is remembered (folds), and their table."""
