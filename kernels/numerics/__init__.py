"""What several families share: precision, argument checks, safe functions, PSD solves, distances, class sums."""
