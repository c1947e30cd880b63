"""Rows with equal options are merged, exactly and in one order."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.errors import InvalidInput
from siting.location import rows
from siting.location.rows import first_of_groups, merge_rows, merged_cover, sum_by_group


def by_dictionary(dense: np.ndarray, key: np.ndarray | None) -> list[int]:
    """Give equal rows one number, first come first numbered."""
    seen: dict[object, int] = {}
    keys = [0] * len(dense) if key is None else key.tolist()
    return [
        seen.setdefault((tuple(row), k), len(seen)) if any(row) else -1
        for row, k in zip(dense.tolist(), keys, strict=True)
    ]


covers = st.integers(1, 6).flatmap(
    lambda columns: st.lists(
        st.lists(st.booleans(), min_size=columns, max_size=columns), min_size=1, max_size=40
    )
)


@settings(max_examples=150, deadline=None)
@given(cover=covers, data=st.data())
def test_groups_equal_those_of_a_dictionary(cover: list[list[bool]], data: st.DataObject) -> None:
    """Two rows share a number exactly when their options and keys are equal; empty rows have -1."""
    dense = np.array(cover)
    keys = data.draw(st.none() | st.lists(st.integers(-2, 2), min_size=len(dense), max_size=40))
    key = None if keys is None else np.array(keys[: len(dense)])
    matrix = sp.csr_array(dense)
    group = merge_rows(matrix, key)
    assert group.dtype == np.int32
    assert group.tolist() == by_dictionary(dense, key)
    merged = merged_cover(matrix, group)
    assert np.array_equal(merged.toarray(), dense[first_of_groups(group)])
    assert merged.indices.dtype == merged.indptr.dtype == np.int32
    weight = np.arange(len(dense)) + 1.0
    expected = [weight[group == number].sum() for number in range(merged.shape[0])]
    assert sum_by_group(group, weight).tolist() == expected


def test_colliding_hashes_merge_nothing_that_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every hash equal the groups are still right: rows are compared entry by entry."""

    def same_hash(_ptr: object, _cols: object, _keys: object, hashes: np.ndarray, *_: int) -> None:
        hashes[:] = 7

    monkeypatch.setattr(rows, "_hash_rows", same_hash)
    dense = np.random.default_rng(2).random((300, 5)) < 0.4
    key = np.arange(300) % 3
    assert merge_rows(sp.csr_array(dense), key).tolist() == by_dictionary(dense, key)


def test_table_grows_with_the_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of distinct rows, hashed in small pieces, keep their numbers."""
    monkeypatch.setattr(rows, "CHUNK", 100)
    dense = np.random.default_rng(4).random((6000, 12)) < 0.5
    group = merge_rows(sp.csr_array(dense), threads=3)
    assert group.tolist() == by_dictionary(dense, None)
    assert group.max() > 2048


def test_nothing_served_is_no_group() -> None:
    """A matrix without entries has no group, and its merged matrix no row."""
    empty = sp.csr_array((4, 3), dtype=bool)
    group = merge_rows(empty)
    assert group.tolist() == [-1] * 4
    assert merged_cover(empty, group).shape == (0, 3)
    assert sum_by_group(group, np.ones(4)).tolist() == []


def test_key_of_another_length_is_refused() -> None:
    """A key must be given for every row."""
    with pytest.raises(InvalidInput, match=r"key: has shape \(2,\), needs \(3,\)"):
        merge_rows(sp.csr_array(np.eye(3, dtype=bool)), np.array([1, 2]))
