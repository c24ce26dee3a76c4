def estimate_n_mislabelled(scores, sample_weight=None):
    raise NotImplementedError
