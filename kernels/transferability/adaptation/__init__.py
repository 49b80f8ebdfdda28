"""What transfers a source to a target: domain discrepancies, noise sources, weights of demonstrations."""
