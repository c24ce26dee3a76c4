"""From scores to decisions: which labels are wrong, how many, and what they should be."""
