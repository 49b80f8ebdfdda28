"""Augmentation under a constraint: transformations drawn by the loss they cause, and how much they are to count."""
