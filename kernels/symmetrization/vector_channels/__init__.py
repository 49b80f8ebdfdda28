"""Several vectors for every agent: features `(..., C, D)`, channels before the axis of space, whatever D is."""
