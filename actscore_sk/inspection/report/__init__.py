"""The page of `actscore report`: one HTML file with groups, displays and rows to filter."""
