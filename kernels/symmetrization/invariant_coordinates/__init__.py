"""Coordinates of points that no motion, reflection or change of scale alters."""
