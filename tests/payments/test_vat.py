"""Parts of a sum add up to it, to the minor unit and for each rate of tax."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.payments.vat import Share, by_rate, negated, part_of

RATES = st.lists(
    st.tuples(st.integers(1, 5_000_000), st.sampled_from([0, 250, 700, 1900, 2000])),
    min_size=1,
    max_size=5,
).map(
    lambda lines: by_rate(
        Share(rate, gross, (2 * gross * rate + 10_000 + rate) // (2 * (10_000 + rate)))
        for gross, rate in lines
    )
)


@given(whole=RATES, parts=st.lists(st.integers(1, 2_000_000), max_size=12))
def test_credits_never_exceed_the_invoice_and_the_last_takes_exactly_the_rest(whole, parts):
    left = whole
    total = sum(share.gross_minor for share in whole)
    taken = 0

    for asked in [*parts, total]:
        amount = min(asked, total - taken)
        if not amount:
            break
        part = part_of(left, amount)
        taken += amount
        assert sum(share.gross_minor for share in part) == amount
        assert all(share.gross_minor > 0 <= share.vat_minor <= share.gross_minor for share in part)
        left = by_rate([*left, *negated(part)])
        assert all(share.gross_minor >= share.vat_minor >= 0 for share in left)

    assert taken == total
    assert left == []


@given(whole=RATES, share=st.fractions(min_value=0, max_value=1))
def test_a_part_is_in_proportion_to_the_unit(whole, share):
    total = sum(one.gross_minor for one in whole)
    amount = int(total * share)
    if not amount:
        return

    part = {one.vat_bp: one.gross_minor for one in part_of(whole, amount)}

    for one in whole:
        assert abs(part.get(one.vat_bp, 0) * total - amount * one.gross_minor) < total


def test_a_discount_larger_than_its_prices_gives_nothing_back_until_all_goes():
    whole = [Share(700, 10_000, 654), Share(1900, -1_000, -160)]

    assert part_of(whole, 4_000) == [Share(700, 4_000, 262)]
    assert part_of(whole, 9_000) == whole


@pytest.mark.parametrize("amount", [-1, 0, 10_001])
def test_nothing_and_too_much_are_no_part(amount):
    with pytest.raises(ValueError, match="a part"):
        part_of([Share(700, 10_000, 654)], amount)
