"""From the user's X to batches that know which samples they hold."""
