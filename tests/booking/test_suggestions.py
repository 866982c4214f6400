"""Suggesting is a sorting: nothing is hidden, and without a history nothing moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.booking.suggestions import suggested

NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True)
ITEMS = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2)),
    unique_by=lambda item: item[0],
).map(lambda items: sorted(items, key=lambda item: item[1]))


def in_order(items, looked_at):
    """Return offers, each with its rank, as a search lists them."""
    return suggested(items, looked_at, lambda item: item[0], lambda item: item[1])


@pytest.mark.clause("C18")
@given(ITEMS, NAMES)
def test_every_offer_is_there_once_whatever_was_looked_at(items, looked_at):
    assert sorted(in_order(items, looked_at)) == sorted(items)


@pytest.mark.clause("C18")
@given(ITEMS)
def test_without_a_history_the_order_is_the_houses_own(items):
    assert in_order(items, []) == items
    assert suggested(items, [], lambda item: item[0]) == items


@pytest.mark.clause("C18")
@given(ITEMS, NAMES)
def test_what_is_free_stays_before_what_is_not(items, looked_at):
    ranks = [rank for _, rank in in_order(items, looked_at)]

    assert ranks == sorted(ranks)


@pytest.mark.clause("C18")
@given(ITEMS, NAMES)
def test_what_was_looked_at_comes_first_and_the_rest_keeps_its_order(items, looked_at):
    ordered = suggested(items, looked_at, lambda item: item[0])

    names = [name for name, _ in ordered]
    known = [name for name in looked_at if name in names]
    assert names[: len(known)] == known
    assert ordered[len(known) :] == [item for item in items if item[0] not in known]


@given(ITEMS, NAMES)
def test_sorting_twice_changes_nothing_more(items, looked_at):
    once = in_order(items, looked_at)

    assert in_order(once, looked_at) == once
