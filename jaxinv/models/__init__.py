"""Architectures put together from layers."""

from jaxinv.models.force_field import Edges, ForceField, all_pairs, energy_and_forces
from jaxinv.models.image_networks import BagOfPatches, ConvNet, MultilayerPerceptron, PatchConv

__all__ = [
    "BagOfPatches",
    "ConvNet",
    "Edges",
    "ForceField",
    "MultilayerPerceptron",
    "PatchConv",
    "all_pairs",
    "energy_and_forces",
]
