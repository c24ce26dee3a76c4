"""Watch a skorch net train: which samples a step sees, what the criterion says of them, what is kept."""
