"""Act on difficulty inside a pipeline: prune, order, draw, reweight, predict."""
