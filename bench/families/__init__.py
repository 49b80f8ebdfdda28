"""The cases of every family."""

from jaxinv.bench.case import Case
from jaxinv.bench.families.adaptation import IMITATION, TRANSFER
from jaxinv.bench.families.affine_convolutions import CASES as AFFINE_CONVOLUTIONS
from jaxinv.bench.families.channel_products import CASES as CHANNEL_PRODUCTS
from jaxinv.bench.families.clustering import CASES as CLUSTERING
from jaxinv.bench.families.constrained_augmentation import CASES as CONSTRAINED_AUGMENTATION
from jaxinv.bench.families.decompositions import CASES as DECOMPOSITIONS
from jaxinv.bench.families.ensemble_scores import CASES as ENSEMBLE_SCORES
from jaxinv.bench.families.frames import CASES as FRAMES
from jaxinv.bench.families.graphs import CASES as GRAPHS
from jaxinv.bench.families.harmonics import CASES as HARMONICS
from jaxinv.bench.families.invariant_coordinates import CASES as INVARIANT_COORDINATES
from jaxinv.bench.families.matrix_functions import CASES as MATRIX_FUNCTIONS
from jaxinv.bench.families.motion import CASES as MOTION
from jaxinv.bench.families.orientation_convolutions import CASES as ORIENTATION_CONVOLUTIONS
from jaxinv.bench.families.permutations import CASES as PERMUTATIONS
from jaxinv.bench.families.planar_convolutions import CASES as PLANAR_CONVOLUTIONS
from jaxinv.bench.families.potential_energy import CASES as POTENTIAL_ENERGY
from jaxinv.bench.families.published_scores import CASES as PUBLISHED_SCORES
from jaxinv.bench.families.representations import CASES as REPRESENTATIONS
from jaxinv.bench.families.rigid_motions import CASES as RIGID_MOTIONS
from jaxinv.bench.families.simulators import CASES as SIMULATORS
from jaxinv.bench.families.small_matrices import CASES as SMALL_MATRICES
from jaxinv.bench.families.split_representations import CASES as SPLIT_REPRESENTATIONS
from jaxinv.bench.families.subequivariant import LIMBS, WALKS
from jaxinv.bench.families.subsets import CASES as SUBSETS
from jaxinv.bench.families.tensor_products import CASES as TENSOR_PRODUCTS
from jaxinv.bench.families.transferability import CASES as TRANSFERABILITY
from jaxinv.bench.families.variates import CASES as VARIATES

FAMILIES: dict[str, tuple[Case, ...]] = {
    "group_convolutions": (*AFFINE_CONVOLUTIONS, *PLANAR_CONVOLUTIONS, *ORIENTATION_CONVOLUTIONS),
    "graphs": GRAPHS,
    "harmonics": HARMONICS,
    "lie_groups": (*RIGID_MOTIONS, *MATRIX_FUNCTIONS, *DECOMPOSITIONS),
    "numerics": (*SMALL_MATRICES, *CLUSTERING),
    "permutations": (*PERMUTATIONS, *VARIATES, *SUBSETS),
    "representations": (*REPRESENTATIONS, *SPLIT_REPRESENTATIONS),
    "simulators": (*SIMULATORS, *IMITATION, *WALKS),
    "symmetrization": (*CONSTRAINED_AUGMENTATION, *FRAMES, *INVARIANT_COORDINATES, *MOTION, *LIMBS),
    "tensor_products": (*TENSOR_PRODUCTS, *CHANNEL_PRODUCTS),
    "transferability": (
        *TRANSFER,
        *TRANSFERABILITY,
        *PUBLISHED_SCORES,
        *ENSEMBLE_SCORES,
        *POTENTIAL_ENERGY,
    ),
}
