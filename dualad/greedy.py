"""Greedy colourings of sparsity patterns, over lists of neighbours.

A set of colours is an integer, one bit a colour, so that the union of what the neighbours forbid is a few
machine instructions and the smallest colour left is the lowest bit that is not set.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Lists = tuple[list[int], list[int]]
Greedy = Callable[[Sequence[int]], list[int]]


def lists(matrix: Any) -> Lists:
    """Where each row's (CSR) or column's (CSC) positions start, and the positions."""
    return matrix.indptr.tolist(), matrix.indices.tolist()


def distance_two(columns: Lists, m: int, order: Sequence[int]) -> list[int]:
    """Colours of columns such that no row has two of one colour; -1 for a column without nonzeros."""
    start, rows = columns
    colors, taken = [-1] * (len(start) - 1), [0] * m
    for j in order:
        mine = rows[start[j] : start[j + 1]]
        if not mine:
            continue
        used = 0
        for i in mine:
            used |= taken[i]
        bit = ~used & (used + 1)
        colors[j] = bit.bit_length() - 1
        for i in mine:
            taken[i] |= bit
    return colors


def one_sided(columns: Lists, mine: Sequence[bool], m: int, order: Sequence[int]) -> list[int]:
    """Colours of columns such that each nonzero that is `mine` is alone in its row with its column's colour.

    mine: for each nonzero, whether a column direction has to determine it; columns without any get -1, and
        no direction moves them
    """
    start, rows = columns
    colors = [-1] * (len(start) - 1)
    taken, held = [0] * m, [0] * m  # colours in a row; those with which a nonzero is determined
    for j in order:
        own, at = mine[start[j] : start[j + 1]], rows[start[j] : start[j + 1]]
        if not any(own):
            continue
        used = 0
        for i, determined in zip(at, own, strict=True):
            used |= taken[i] if determined else held[i]
        bit = ~used & (used + 1)
        colors[j] = bit.bit_length() - 1
        for i, determined in zip(at, own, strict=True):
            taken[i] |= bit
            if determined:
                held[i] |= bit
    return colors


def divided(rows: Lists, columns: Lists) -> tuple[np.ndarray, np.ndarray, int]:
    """When each row and each column leaves, the smaller first: what is left of the first of the two is its own.

    The ordering by minimum numbers of nonzeros (Coleman and Verma 1998): a row that leaves gives its nonzeros to
    the columns' directions, of which it needs as many as it has left; a column gives its own to the rows'.

    returns: times of rows, times of columns, and a lower bound of the directions of both kinds together
    """
    (r_start, r_cols), (c_start, c_rows) = rows, columns
    m, n = len(r_start) - 1, len(c_start) - 1
    counts = (
        [r_start[i + 1] - r_start[i] for i in range(m)],
        [c_start[j + 1] - c_start[j] for j in range(n)],
    )
    starts, others = (r_start, c_start), (r_cols, c_rows)
    times: tuple[list[int], list[int]] = ([-1] * m, [-1] * n)
    heaps = tuple([(count, k) for k, count in enumerate(side)] for side in counts)
    for heap in heaps:
        heapq.heapify(heap)
    left, alive, most, bound, side = len(r_cols), [m, n], [0, 0], 0, 0
    for time in range(m + n):
        for k, heap in enumerate(heaps):  # entries that are out of date
            while heap and (times[k][heap[0][1]] >= 0 or counts[k][heap[0][1]] != heap[0][0]):
                heapq.heappop(heap)
        if left:
            bound = max(bound, -(-left // max(alive)))
        # What both kinds would need then; of equal ones that of fewer nonzeros, or the side that is being taken
        needs = [
            (max(most[k], heaps[k][0][0]) + most[1 - k], heaps[k][0][0], k != side, k)
            for k in (0, 1)
            if heaps[k]
        ]
        side = min(needs)[3]
        count, k = heapq.heappop(heaps[side])
        times[side][k] = time
        most[side] = max(most[side], count)
        alive[side] -= 1
        left -= count
        other = 1 - side
        for i in others[side][starts[side][k] : starts[side][k + 1]] if count else ():
            if times[other][i] < 0:
                counts[other][i] -= 1
                heapq.heappush(heaps[other], (counts[other][i], i))
    return np.array(times[0], int), np.array(times[1], int), bound


def star(graph: Lists, order: Sequence[int]) -> list[int]:
    """A star colouring: neighbours differ, and every path of four vertices has three colours or more.

    Greedy (Gebremedhin, Manne and Pothen 2005). Two colours then induce stars, each with a hub.
    """
    start, neighbours = graph
    n = len(start) - 1
    colors = [-1] * n
    around = [0] * n  # colours of the neighbours
    twice = [0] * n  # those that two neighbours or more have: here the vertex is the hub
    barred = [0] * n  # colours of neighbours that are hubs of what has this vertex's colour
    for v in order:
        near = neighbours[start[v] : start[v + 1]]
        used, double = around[v], twice[v]
        for w in near:
            c = colors[w]
            if c >= 0:
                used |= barred[w]
                if double >> c & 1:  # v would be the hub, so w may not have another neighbour of v's colour
                    used |= around[w]
        bit = ~used & (used + 1)
        color = colors[v] = bit.bit_length() - 1
        for w in near:
            c = colors[w]
            if c >= 0 and double >> c & 1:
                barred[w] |= bit
            if around[w] & bit:
                if c >= 0:
                    barred[v] |= 1 << c
                    if not twice[w] & bit:  # w has become a hub
                        for u in neighbours[start[w] : start[w + 1]]:
                            if colors[u] == color:
                                barred[u] |= 1 << c
                twice[w] |= bit
            around[w] |= bit
    return colors


def acyclic(graph: Lists, order: Sequence[int]) -> list[int]:
    """An acyclic colouring: neighbours differ, and every cycle has three colours or more.

    Greedy (Gebremedhin, Manne and Pothen 2005). Two colours then induce trees, kept as disjoint sets of
    (vertex, colour of the neighbours that the tree has).
    """
    start, neighbours = graph
    n = len(start) - 1
    colors, around, twice = [-1] * n, [0] * n, [0] * n
    parent: dict[int, int] = {}

    def root(k: int) -> int:
        while (up := parent.get(k, k)) != k:
            parent[k] = k = parent.get(up, up)
        return k

    for v in order:
        near = neighbours[start[v] : start[v + 1]]
        used, double = around[v], twice[v]
        if double:
            trees = set()
            for w in near:
                if colors[w] >= 0 and double >> colors[w] & 1:
                    open_ = around[w] & ~used
                    while open_:
                        bit = open_ & -open_
                        open_ ^= bit
                        tree = root(w + n * (bit.bit_length() - 1))
                        if tree in trees:  # of two neighbours of one colour: v would close a cycle
                            used |= bit
                        trees.add(tree)
        bit = ~used & (used + 1)
        color = colors[v] = bit.bit_length() - 1
        for w in near:
            if colors[w] >= 0:
                parent[root(v + n * colors[w])] = root(w + n * color)
            twice[w] |= around[w] & bit
            around[w] |= bit
    return colors


def proper(graph: Lists, order: Sequence[int]) -> list[int]:
    """A colouring: neighbours differ."""
    start, neighbours = graph
    colors, around = [-1] * (len(start) - 1), [0] * (len(start) - 1)
    for v in order:
        bit = ~around[v] & (around[v] + 1)
        colors[v] = bit.bit_length() - 1
        for w in neighbours[start[v] : start[v + 1]]:
            around[w] |= bit
    return colors


def trees(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The order in which sums over the edges of trees determine the edges, from the leaves on (substitution).

    first, second: the two nodes of each edge; a sum stands at each node, over all its edges
    returns: edges in order; for each edge the node that determines it; and the edge that this one is to be
        subtracted for, -1 for none
    """
    n, edges = int(max(first.max(initial=-1), second.max(initial=-1))) + 1, len(first)
    degree = np.bincount(first, minlength=n) + np.bincount(second, minlength=n)
    # Where one edge is left, the sum of the numbers of the edges that are left is its number
    total = np.zeros(n, int)
    np.add.at(total, first, np.arange(edges))
    np.add.at(total, second, np.arange(edges))
    left, number, a, b = degree.tolist(), total.tolist(), first.tolist(), second.tolist()
    queue = np.flatnonzero(degree == 1).tolist()
    order, by, after = [], [-1] * edges, [-1] * n  # after: the edge that a node determines
    for node in queue:
        if left[node] != 1:
            continue  # the other end was a leaf too, and came first
        edge = number[node]
        other = b[edge] if a[edge] == node else a[edge]
        order.append(edge)
        by[edge], after[node] = node, edge
        left[node] -= 1
        left[other] -= 1
        number[other] -= edge
        if left[other] == 1:
            queue.append(other)
    at = np.array(by, int)
    far = np.where(at == first, second, first)
    return np.array(order, int), at, np.array(after, int)[far] if edges else far
