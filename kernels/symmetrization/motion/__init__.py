"""Motion of many agents, predicted by vector channels that turn and move with the world, and by invariant scalars."""
