"""Act on difficulty inside a pipeline: prune, order, draw or reweight samples, predict the difficulty of new ones."""
