"""The maps on permutations, independently: by sums over all orbits of index tuples, and node by node."""

import itertools

import numpy as np


def operations(x, order_in, order_out, normalize=True):
    """The basis operations of the table in `linear_maps`, one by one, in float64."""
    x = np.asarray(x, np.float64)
    n = x.shape[0] if order_in else 1
    m = n if normalize else 1
    if order_in == 0:
        raise ValueError("has no nodes")
    eye = np.eye(n)[:, :, None]
    if order_in == 1:
        total = x.sum(0) / m
        return {
            0: [total],
            1: [x, np.stack([total] * n)],
            2: [
                eye * x[:, None],
                eye * total,
                np.stack([x] * n),
                np.stack([x] * n, axis=1),
                np.broadcast_to(total, (n, n, x.shape[-1])),
            ],
        }[order_out]
    d = np.stack([x[i, i] for i in range(n)])
    r, c = x.sum(1) / m, x.sum(0) / m
    t, s = d.sum(0) / m, x.sum((0, 1)) / m**2
    if order_out == 0:
        return [t, s]
    if order_out == 1:
        return [d, np.stack([t] * n), r, c, np.stack([s] * n)]
    found = np.zeros((15, *x.shape))
    for i, j in itertools.product(range(n), repeat=2):
        if i == j:
            found[:5, i, j] = d[i], t, r[i], c[i], s
        found[5:, i, j] = c[i], r[i], c[j], r[j], x[i, j], x[j, i], d[i], d[j], t, s
    return list(found)


def of_order_0(x, order_out, n):
    """The same from order 0."""
    eye = np.eye(n)[:, :, None]
    return {0: [x], 1: [np.stack([x] * n)], 2: [eye * x, np.broadcast_to(x, (n, n, len(x)))]}[order_out]


def mapped(x, coefficients, bias, mask, order_in, order_out, normalize=True):
    """On the nodes that there are, 0 elsewhere."""
    there = np.flatnonzero(mask)
    inner = x[np.ix_(*[there] * order_in)] if order_in else x
    found = of_order_0(x, order_out, len(there)) if order_in == 0 else operations(inner, order_in, order_out, normalize)
    value = sum(one @ weights for one, weights in zip(found, coefficients, strict=True)) + bias[0]
    if order_out == 2:
        value = value + np.eye(len(there))[:, :, None] * bias[1]
    result = np.zeros((len(mask),) * order_out + (coefficients.shape[-1],))
    result[np.ix_(*[there] * order_out) if order_out else ...] = value
    return result


def ego_maps_on_squares(square, nodes, egos, coefficients, biases):
    """`ego_maps` for one bucket, on features `(n, n, c)` and `(n, c)`, subgraph by subgraph: lists of nodes."""
    n = len(square)
    found, counts = {}, {}
    for ego in egos:
        for name, weights in sorted(coefficients.items()):
            order_in, order_out = int(name[0]), int(name[-1])
            x = square[np.ix_(ego, ego)] if order_in == 2 else nodes[ego]
            value = mapped(x, weights, biases[name], np.ones(len(ego), bool), order_in, order_out)
            total = found.setdefault(name, np.zeros((n,) * max(order_out, 1) + (weights.shape[-1],)))
            count = counts.setdefault(name, np.zeros((n,) * max(order_out, 1) + (1,)))
            where = np.ix_(ego, ego) if order_out == 2 else ego if order_out == 1 else ego[0]
            total[where] += value
            count[where] += 1
    means = {name: found[name] / np.maximum(counts[name], 1) for name in found}
    orders = [[means[name] for name in sorted(means) if name.endswith(order)] for order in "210"]
    return [np.concatenate(each, axis=-1) if each else None for each in orders]


def graph_norm(x, graph, mean_scale, scale, shift, *, epsilon):
    result = np.zeros_like(x)
    for number in set(graph.tolist()) - {-1}:
        own = x[graph == number]
        apart = own - mean_scale * own.mean(0)
        result[graph == number] = scale * apart / np.sqrt((apart**2).mean(0) + epsilon) + shift
    return result
