"""Architectures put together from layers."""

from jaxinv.models.dense_network import DenseNetwork
from jaxinv.models.eqmotion import EqMotion, MotionPrediction
from jaxinv.models.force_field import Edges, ForceField, all_pairs, energy_and_forces
from jaxinv.models.gated_tensor_network import GatedTensorNetwork, Tensors
from jaxinv.models.graph_isomorphism_network import GraphIsomorphismNetwork
from jaxinv.models.image_networks import BagOfPatches, ConvNet, Mixer, MultilayerPerceptron, PatchConv
from jaxinv.models.itransformer import ITransformer
from jaxinv.models.one_hidden_layer import OneHiddenLayer, init_one_hidden_layer, one_hidden_layer_score
from jaxinv.models.piecewise_network import PiecewiseNetwork, PiecewiseOutputs, vote_loss
from jaxinv.models.point_net import PointNet
from jaxinv.models.ponita import Ponita, PositionNetwork, calibrated
from jaxinv.models.ponita_force_field import PonitaForceField
from jaxinv.models.sequence_encoder import SequenceEncoder
from jaxinv.models.sie import SIE, Halves, SIEEmbeddings
from jaxinv.models.spen import Spen
from jaxinv.models.stitched_network import EncoderDecoder, stitch
from jaxinv.models.subequivariant_transformer import LimbActions, LimbTree, SetActor, SetCritic, SetSizes
from jaxinv.models.subset_selector import Proposal, SubsetProposal, SubsetSelector
from jaxinv.models.time_transformer import TimeTransformer
from jaxinv.models.token_encoder import TokenEncoder

__all__ = [
    "SIE",
    "BagOfPatches",
    "ConvNet",
    "DenseNetwork",
    "Edges",
    "EncoderDecoder",
    "EqMotion",
    "ForceField",
    "GatedTensorNetwork",
    "GraphIsomorphismNetwork",
    "Halves",
    "ITransformer",
    "LimbActions",
    "LimbTree",
    "Mixer",
    "MotionPrediction",
    "MultilayerPerceptron",
    "OneHiddenLayer",
    "PatchConv",
    "PiecewiseNetwork",
    "PiecewiseOutputs",
    "PointNet",
    "Ponita",
    "PonitaForceField",
    "PositionNetwork",
    "Proposal",
    "SIEEmbeddings",
    "SequenceEncoder",
    "SetActor",
    "SetCritic",
    "SetSizes",
    "Spen",
    "SubsetProposal",
    "SubsetSelector",
    "Tensors",
    "TimeTransformer",
    "TokenEncoder",
    "all_pairs",
    "calibrated",
    "energy_and_forces",
    "init_one_hidden_layer",
    "one_hidden_layer_score",
    "stitch",
    "vote_loss",
]
