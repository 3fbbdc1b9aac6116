from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analytics.chunks import MOST_CHUNKS, chunk_edges
from analytics.coded_votes import code_votes
from tests.crowds import N_LABELS, some_votes, votes_of


@settings(deadline=None)
@given(votes=some_votes(max_size=200), seed=st.integers(0, 10))
def test_votes_are_kept_and_sorted_whatever_their_order(votes: pl.DataFrame, seed: int) -> None:
    coded = code_votes(votes.sample(fraction=1, shuffle=True, seed=seed), n_labels=N_LABELS)
    ordered = votes.sort("item_code", "annotator_code", "label_code")
    assert_frame_equal(pl.DataFrame(coded.votes_frame()), ordered)
    assert (
        coded.votes_of_item.tolist() == votes.group_by("item_code").len().sort("item_code")["len"].to_list()
    )
    assert coded.votes_of_pair.sum() == votes.height
    assert np.flatnonzero(coded.given).tolist() == sorted(set(votes.get_column("label_code")))


def test_an_item_of_many_votes_is_sorted_too() -> None:
    rows = [(0, annotator % 7, annotator % 3) for annotator in range(100)]
    frame = pl.DataFrame(code_votes(votes_of(rows), n_labels=3).votes_frame())
    assert_frame_equal(frame, votes_of(rows).sort("item_code", "annotator_code", "label_code"))


def test_chunks_cover_every_item_once_and_are_few() -> None:
    for n_items, n_annotations, cells in ((0, 0, 0), (1, 10**9, 0), (10, 10**6, 0), (10**6, 10**7, 10**9)):
        edges = chunk_edges(n_items, n_annotations=n_annotations, cells_per_chunk=cells)
        assert 1 <= len(edges) <= MOST_CHUNKS
        assert [item for first, last in edges for item in (first, last)] == sorted(
            item for edge in edges for item in edge
        )
        assert (edges[0][0], edges[-1][1]) == (0, n_items)
        assert all(before[1] == after[0] for before, after in pairwise(edges))
    assert len(chunk_edges(10**6, n_annotations=10**7, cells_per_chunk=10**9)) == 2, (
        "partial sums are bounded"
    )
