"""Graph kernels from their definitions, in float64 numpy and with loops."""

import itertools

import networkx as nx
import numpy as np


def aligned(graphs):
    """Nodes by descending mean of in and out degree, one graph at a time."""
    found = []
    for graph in graphs:
        order = sorted(range(len(graph)), key=lambda i, g=graph: (-(g[i].sum() + g[:, i].sum()) / 2, i))
        found.append(graph[np.ix_(order, order)])
    return np.stack(found)


def block_means(graphs, bounds):
    """Over pairs of different nodes in blocks between `bounds`, of all graphs."""
    num_blocks = len(bounds) - 1
    mean = graphs.mean(axis=0)
    found = np.zeros((num_blocks, num_blocks))
    for b, c in itertools.product(range(num_blocks), repeat=2):
        pairs = [mean[i, j] for i in range(bounds[b], bounds[b + 1]) for j in range(bounds[c], bounds[c + 1]) if i != j]
        found[b, c] = np.mean(pairs) if pairs else 0
    return found


def denoised(image, weight, num_iterations=200):
    """Chambolle's projection by scikit-image, without an early end."""
    from skimage.restoration import denoise_tv_chambolle

    return denoise_tv_chambolle(image, weight=weight, eps=0, max_num_iter=num_iterations + 1)


def thresholded(graphs, threshold):
    """By singular values."""
    left, values, right = np.linalg.svd(graphs.mean(axis=0))
    kept = values >= threshold * np.sqrt(graphs.shape[1] / len(graphs))
    return np.clip((left * (values * kept)) @ right, 0, 1)


def largest_gap(graphs, num_blocks):
    """Blocks of the sorted mean graph."""
    mean = aligned(graphs.mean(axis=0)[None])[0]
    gaps = -np.diff(mean.sum(axis=1))
    cuts = sorted(np.argsort(-gaps, kind="stable")[: num_blocks - 1] + 1)
    bounds = [0, *cuts, len(mean)]
    sizes = np.diff(bounds)
    return np.repeat(np.repeat(block_means(mean[None], bounds), sizes, axis=0), sizes, axis=1)


def resized(graphon, resolution):
    """Linear interpolation along one axis, then along the other; constant beyond the middles at the edges."""
    middles = (np.arange(len(graphon)) + 0.5) / len(graphon)
    wanted = (np.arange(resolution) + 0.5) / resolution
    once = np.stack([np.interp(wanted, middles, row) for row in graphon])
    return np.stack([np.interp(wanted, middles, column) for column in once.T], axis=1)


def topology(graph):
    """By networkx, of one graph with edges and without constant degrees."""
    graph = nx.from_numpy_array(graph)
    degrees = [degree for _, degree in graph.degree()]
    return np.array(
        [
            np.mean(degrees),
            np.std(degrees),
            nx.density(graph),
            np.mean(list(nx.closeness_centrality(graph).values())),
            nx.degree_pearson_correlation_coefficient(graph),
            nx.degree_assortativity_coefficient(graph),
            nx.transitivity(graph),
            nx.average_clustering(graph),
        ]
    )


def cut_norm(difference):
    """Over all pairs of sets."""
    size = len(difference)
    sets = np.array(list(itertools.product([0, 1], repeat=size)))
    return np.abs(sets @ difference @ sets.T).max() / size**2


def motif_density(graphon, edges):
    """Over all places of all nodes."""
    nodes = 1 + max(max(edge) for edge in edges)
    places = itertools.product(range(len(graphon)), repeat=nodes)
    return np.mean([np.prod([graphon[place[i], place[j]] for i, j in edges]) for place in places])


def gw_cost(source, target, plan):
    """Over all quadruples."""
    n, m = plan.shape
    return sum(
        (source[i, j] - target[p, q]) ** 2 * plan[i, p] * plan[j, q]
        for i, j, p, q in itertools.product(range(n), range(n), range(m), range(m))
    )


def ego_network(adjacency, center, num_hops, max_nodes):
    """By networkx, nodes by distance and then by index, padded with zeros."""
    graph = nx.from_numpy_array(adjacency)
    distance = nx.single_source_shortest_path_length(graph, center, cutoff=num_hops)
    assert set(distance) == set(nx.ego_graph(graph, center, radius=num_hops))
    nodes = sorted(distance, key=lambda node: (distance[node], node))[:max_nodes]
    found = np.zeros((max_nodes, max_nodes))
    found[: len(nodes), : len(nodes)] = adjacency[np.ix_(nodes, nodes)]
    return found


def best_permutation(source, target):
    """The least cost of a plan that is a permutation."""
    size = len(source)
    identity = np.eye(size) / size
    return min(gw_cost(source, target, identity[list(p)]) for p in itertools.permutations(range(size)))
