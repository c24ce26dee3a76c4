"""From X and y of any kind to batches that know which samples they hold, in the order that a sampler draws."""
