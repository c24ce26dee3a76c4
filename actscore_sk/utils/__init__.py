"""Helpers that know nothing of scores: optional imports, random state, scikit-learn's private names."""
