"""Cut norms by search over all sets, motif densities by search over all places, and the inequalities between them."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

from jaxinv.kernels import graphs as kernels
from tests.duties import FLOAT, X64
from tests.graphs import references

EDGES = {
    "edge": ((0, 1),),
    "path-2": ((0, 1), (1, 2)),
    "triangle": ((0, 1), (1, 2), (2, 0)),
    "4-cycle": ((0, 1), (1, 2), (2, 3), (3, 0)),
}
EXACT = 1e-12 if X64 else 1e-5


def graphons(num, size, seed=0):
    values = np.random.default_rng(seed).random((num, size, size))
    return (values + values.swapaxes(1, 2)) / 2


def test_the_cut_norm_is_between_its_bounds():
    """And of 8 nodes the lower one is nearly always the norm itself, as a search over all sets finds it."""
    differences = graphons(20, 8) - graphons(20, 8, seed=1)
    exact = np.array([references.cut_norm(difference) for difference in differences])
    found = jax.vmap(kernels.cut_norm_bounds)(jnp.asarray(differences, FLOAT))
    assert np.all(found.lower <= exact * (1 + EXACT))
    assert np.all(found.upper >= exact * (1 - EXACT))
    assert np.mean(found.lower >= exact * (1 - 1e-4)) >= 0.8
    # One sign: the mean itself.
    one = kernels.cut_norm_bounds(jnp.asarray(differences[0] ** 2, FLOAT))
    np.testing.assert_allclose([one.lower, one.upper], np.mean(differences[0] ** 2), rtol=1e-5)
    nothing = kernels.cut_norm_bounds(jnp.zeros((4, 4), FLOAT))
    assert (float(nothing.lower), float(nothing.upper)) == (0, 0)


@pytest.mark.parametrize("motif", EDGES)
def test_motifs_by_definition(motif):
    graphon = graphons(1, 4)[0]
    assert kernels.MOTIF_EDGES[motif] == len(EDGES[motif])
    found = kernels.motif_density(jnp.asarray(graphon, FLOAT), motif)
    np.testing.assert_allclose(found, references.motif_density(graphon, EDGES[motif]), rtol=EXACT)


def test_triangles_of_a_real_graph():
    graph = nx.karate_club_graph()
    matrix = jnp.asarray(np.sign(nx.to_numpy_array(graph)), FLOAT)
    triangles = sum(len(clique) == 3 for clique in nx.enumerate_all_cliques(graph))
    np.testing.assert_allclose(kernels.motif_density(matrix, "triangle") * len(graph) ** 3, 6 * triangles, rtol=1e-5)


@pytest.mark.parametrize("motif", EDGES)
def test_the_counting_lemma(motif):
    """Densities differ by no more than edges times the cut norm, and by more than the cut norm for some."""
    pairs = np.array([(i, j) for i in range(6) for j in range(i)])
    known = jnp.stack([kernels.synthesize_graphon(kind, 12).astype(FLOAT) for kind in (0, 1, 3, 6, 10, 11)])
    first, second = known[pairs[:, 0]], known[pairs[:, 1]]

    @jax.vmap
    def compared(w, u):
        apart = jnp.abs(kernels.motif_density(w, motif) - kernels.motif_density(u, motif))
        return apart, kernels.cut_norm_bounds(w - u)

    apart, norm = compared(first, second)
    np.testing.assert_array_less(apart, kernels.MOTIF_EDGES[motif] * np.asarray(norm.upper) + 1e-6)
    assert np.any(apart > 0.2 * norm.upper)


def test_mixtures_keep_motifs():
    """`|t(F, sum_b w_b B_b) - t(F, B_a)| <= e(F) sum_{b != a} w_b |B_b - B_a|_cut` for every a."""
    bases = jnp.stack([kernels.synthesize_graphon(kind, 12).astype(FLOAT) for kind in (0, 3, 10)])
    weights = jnp.asarray([0.5, 0.3, 0.2], FLOAT)
    mixed = jnp.tensordot(weights, bases, 1)
    for a in range(3):
        norms = jax.vmap(kernels.cut_norm_bounds)(bases - bases[a][None]).upper
        for motif, edges in kernels.MOTIF_EDGES.items():
            apart = abs(kernels.motif_density(mixed, motif) - kernels.motif_density(bases[a], motif))
            bound = edges * jnp.sum(weights * norms)
            assert 0 < float(apart) <= float(bound)
