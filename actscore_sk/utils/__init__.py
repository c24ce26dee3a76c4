"""Helpers that know nothing of scores: lazy names, optional imports, random state, scikit-learn's private names."""
