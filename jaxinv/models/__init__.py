"""Architectures put together from layers."""

from jaxinv.models.image_networks import BagOfPatches, ConvNet, MultilayerPerceptron, PatchConv

__all__ = ["BagOfPatches", "ConvNet", "MultilayerPerceptron", "PatchConv"]
