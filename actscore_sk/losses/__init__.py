"""What a criterion says of single samples, and of the classes in its input."""
