"""Potential energy descent once more, as the paper has it: a double loop over pairs of classes, on the samples."""

import numpy as np


def ped_displacement(means, radius, nsigma=0.6, dt=0.1, strength=1.0):
    """What one step from rest moves each class; classes with a negative radius are absent."""
    moved = np.zeros_like(means)
    for i in range(len(means)):
        for j in range(len(means)):
            apart = np.linalg.norm(means[i] - means[j])
            overlap = nsigma * (radius[i] + radius[j]) - apart
            if i == j or min(radius[i], radius[j]) < 0 or overlap <= 0 or apart == 0:
                continue
            length = min(0.5 * dt**2 * strength * overlap, overlap)
            moved[i] += length * (means[i] - means[j]) / apart
    return moved


def ped(features, labels, num_classes, reference=None, exit_ratio=0.5, max_steps=6, **settings):
    """Moved samples, steps and changes: samples are normalised, moved and taken back in every step, as published."""
    reference = features if reference is None else reference
    mean, scale = reference.mean(0), np.maximum(reference.std(0), 1e-3)
    changes = []
    for step in range(max_steps):
        normalised = (features - mean) / scale
        groups = [normalised[labels == c] for c in range(num_classes)]
        means = np.stack([rows.mean(0) if len(rows) else np.zeros(features.shape[1]) for rows in groups])
        radius = np.array([np.sqrt(rows.var(0).sum()) if len(rows) else -1.0 for rows in groups])
        moved = ped_displacement(means, radius, **settings)
        changes.append(np.abs(moved).sum())
        if not changes[step] > exit_ratio * changes[0]:
            return features, step, changes
        features = (normalised + moved[labels]) * scale + mean
    return features, max_steps, changes


def class_shift(features, moved, labels, num_classes):
    """How far each class moved, `(C, D)`."""
    difference = moved - features
    return np.stack(
        [
            difference[labels == c].mean(0) if (labels == c).any() else np.zeros(features.shape[1])
            for c in range(num_classes)
        ]
    )
