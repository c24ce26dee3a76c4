"""Training dynamics: what is measured at a visit, the statistic that remembers it, and the table of metrics."""
