"""Every kernel through every duty."""

import pytest

from tests.duties import DUTIES_HERE, Case, prove
from tests.graphs.cases import CASES as GRAPHS
from tests.group_convolutions.affine_cases import CASES as AFFINE_CONVOLUTIONS
from tests.group_convolutions.orientation_cases import CASES as ORIENTATION_CONVOLUTIONS
from tests.group_convolutions.planar_cases import CASES as PLANAR_CONVOLUTIONS
from tests.harmonics.cases import CASES as HARMONICS
from tests.harmonics.radial_basis_cases import CASES as RADIAL_BASIS
from tests.lie_groups.decomposition_cases import CASES as DECOMPOSITIONS
from tests.lie_groups.linear_cases import CASES as LINEAR_GROUPS
from tests.lie_groups.quaternion_cases import CASES as QUATERNIONS
from tests.lie_groups.rigid_cases import CASES as RIGID_GROUPS
from tests.numerics.clustering_cases import CASES as CLUSTERING
from tests.numerics.matrix_function_cases import CASES as MATRIX_FUNCTIONS
from tests.numerics.spectral_cases import CASES as SPECTRAL_FUNCTIONS
from tests.permutations.cases import CASES as PERMUTATIONS
from tests.permutations.subset_cases import CASES as SUBSETS
from tests.permutations.variate_cases import CASES as VARIATES
from tests.representations.relative_cases import CASES as RELATIVE_REPRESENTATIONS
from tests.representations.sie_cases import CASES as SPLIT_REPRESENTATIONS
from tests.representations.similarity_cases import CASES as SIMILARITIES
from tests.simulators.cases import CASES as SIMULATORS
from tests.simulators.n_body_cases import CASES as N_BODY
from tests.simulators.point_mass_cases import CASES as POINT_MASS
from tests.simulators.point_object_cases import CASES as POINT_OBJECTS
from tests.simulators.springs_cases import CASES as SPRINGS
from tests.simulators.tripod_cases import CASES as TRIPOD
from tests.symmetrization.constrained_augmentation_cases import CASES as CONSTRAINED_AUGMENTATION
from tests.symmetrization.frame_cases import CASES as SYMMETRIZATION
from tests.symmetrization.invariant_coordinate_cases import CASES as INVARIANT_COORDINATES
from tests.symmetrization.motion_cases import CASES as MOTION
from tests.symmetrization.subequivariant_cases import CASES as SUBEQUIVARIANT
from tests.symmetrization.vector_channel_cases import CASES as VECTOR_CHANNELS
from tests.tensor_products.cases import CASES as SPHERE_PRODUCTS
from tests.tensor_products.cg_cases import CASES as CLEBSCH_GORDAN
from tests.tensor_products.channel_cases import CASES as CHANNEL_PRODUCTS
from tests.tensor_products.symmetric_contraction_cases import CASES as SYMMETRIC_CONTRACTION
from tests.transferability.adaptation_cases import CASES as ADAPTATION
from tests.transferability.cases import CASES as STATISTICS_SCORES
from tests.transferability.ensemble_cases import CASES as ENSEMBLE_SCORES
from tests.transferability.meter_cases import CASES as INVARIANCE_TABLES
from tests.transferability.ped_cases import CASES as POTENTIAL_ENERGY
from tests.transferability.published_cases import CASES as PUBLISHED_SCORES
from tests.transferability.sample_cases import CASES as SAMPLE_SCORES
from tests.transferability.sensitivity_cases import CASES as INVARIANCE_METER

CASES = [
    *STATISTICS_SCORES,
    *SAMPLE_SCORES,
    *PUBLISHED_SCORES,
    *ENSEMBLE_SCORES,
    *POTENTIAL_ENERGY,
    *INVARIANCE_METER,
    *ADAPTATION,
    *INVARIANCE_TABLES,
    *SIMULATORS,
    *N_BODY,
    *POINT_MASS,
    *SPRINGS,
    *TRIPOD,
    *GRAPHS,
    *RELATIVE_REPRESENTATIONS,
    *SIMILARITIES,
    *SPLIT_REPRESENTATIONS,
    *QUATERNIONS,
    *POINT_OBJECTS,
    *PERMUTATIONS,
    *SUBSETS,
    *VARIATES,
    *HARMONICS,
    *RADIAL_BASIS,
    *SPHERE_PRODUCTS,
    *CLEBSCH_GORDAN,
    *CHANNEL_PRODUCTS,
    *SYMMETRIC_CONTRACTION,
    *CLUSTERING,
    *SPECTRAL_FUNCTIONS,
    *MATRIX_FUNCTIONS,
    *RIGID_GROUPS,
    *LINEAR_GROUPS,
    *DECOMPOSITIONS,
    *AFFINE_CONVOLUTIONS,
    *PLANAR_CONVOLUTIONS,
    *ORIENTATION_CONVOLUTIONS,
    *SYMMETRIZATION,
    *CONSTRAINED_AUGMENTATION,
    *VECTOR_CHANNELS,
    *MOTION,
    *SUBEQUIVARIANT,
    *INVARIANT_COORDINATES,
]


@pytest.mark.parametrize("duty", DUTIES_HERE)
@pytest.mark.parametrize(
    "case",
    # The duties of one kernel share what is compiled, so one worker takes them all (pytest --dist loadgroup).
    [pytest.param(case, id=case.name, marks=pytest.mark.xdist_group(case.name)) for case in CASES],
)
def test_duty(case: Case, duty: str):
    prove(case, duty)


def test_names_are_unique():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
