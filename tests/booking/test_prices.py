"""A price has everything in it from the first page on, and the lines of a quote are its total."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.booking.catalogue import (
    Basis,
    Charge,
    NoBaseRate,
    Rate,
)
from app.booking.checks import (
    DatesBackwards,
    ExtraNotForThis,
    NightsTooMany,
    PartyUnclear,
    TooManyExtras,
)
from app.booking.prices import SessionWish, StayWish, nightly_price, quote, stay_total
from app.core.money import included_tax
from tests.booking.house import (
    ARRIVE,
    BERLIN,
    BICYCLE,
    BREAKFAST,
    DEPART,
    HOUSE,
    KAYAK,
    KAYAK_AT,
    PARCEL,
    REED,
    VENUE,
    VISITORS_TAX,
    WEEKEND,
    named,
)

# --- Nights ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("night", "price"),
    [
        ("2026-05-07", 9500),  # Thursday
        ("2026-05-08", 11500),  # Friday
        ("2026-05-10", 9500),  # Sunday: the weekday on which the night begins
        ("2026-06-30", 9500),
        ("2026-07-01", 14000),  # the first night of summer
        ("2026-08-31", 14000),  # and its last
        ("2026-09-01", 9500),
        ("2026-07-04", 15001),  # the later of two rates with one priority
        ("0001-01-01", 9500),
        ("9999-12-31", 11500),
    ],
)
def test_the_highest_priority_that_covers_a_night_is_its_price(night, price):
    assert nightly_price(REED, date.fromisoformat(night)) == price


def test_a_stay_without_a_rate_for_every_night_is_refused():
    with pytest.raises(NoBaseRate):
        replace(REED, rates=(Rate(1, WEEKEND, None, None, 0),))


def test_the_day_of_departure_is_not_paid_for():
    (stay, *_) = quote(HOUSE, [StayWish(REED, ARRIVE, DEPART, 2)]).lines

    assert [night.day for night, _ in stay.nightly] == [7, 8, 9]
    assert stay.quantity == 3
    assert stay.total_minor == 9500 + 11500 + 11500
    assert stay.unit_minor is None


@pytest.mark.parametrize("depart", [ARRIVE, date(2026, 5, 1), date.min])
def test_dates_backwards_have_no_price(depart):
    with pytest.raises(DatesBackwards):
        quote(HOUSE, [StayWish(REED, ARRIVE, depart, 2)])
    with pytest.raises(DatesBackwards):
        stay_total(HOUSE, REED, ARRIVE, depart, 2, 0)


def test_the_longest_stay_there_is_has_no_price_and_takes_no_time():
    with pytest.raises(NightsTooMany) as refusal:
        stay_total(HOUSE, REED, date.min, date.max, 2, 0)

    assert "21" in str(refusal.value)


def test_the_last_night_of_all_time_has_a_price():
    assert stay_total(HOUSE, REED, date(9999, 12, 30), date.max, 1, 0) == 9500 + 4500 + 250


# --- Quotes ------------------------------------------------------------------------------


def test_a_quote_has_every_extra_fee_and_tax_as_a_line():
    wish = StayWish(REED, ARRIVE, DEPART, 2, 1, ((BREAKFAST, 1), (BICYCLE, 2), (PARCEL, 0)))

    paid = quote(HOUSE, [wish])

    assert [(one.kind, one.quantity, one.total_minor) for one in paid.lines] == [
        ("stay", 3, 32500),
        ("extra", 9, 9 * 1450),  # three people, three nights
        ("extra", 6, 6 * 1200),  # two bicycles, three nights
        ("fee", 1, 4500),
        ("tax", 6, 1500),  # two adults, three nights
    ]
    assert paid.total_minor == 32500 + 13050 + 7200 + 4500 + 1500
    assert dict(paid.vat_by_rate) == {
        700: included_tax(32500, 700) + included_tax(4500, 700),
        1900: included_tax(13050, 1900) + included_tax(7200, 1900),
    }


def test_a_session_has_its_seats_its_extras_and_no_fees_of_the_night():
    wish = SessionWish(KAYAK, KAYAK_AT, 2, 1, ((PARCEL, 2),))

    tour, parcel = quote(HOUSE, [wish]).lines

    assert (tour.kind, tour.quantity, tour.unit_minor) == ("session", 3, None)
    assert tour.total_minor == 2 * 4900 + 2900
    assert tour.ends_at - tour.starts_at == timedelta(minutes=150)
    assert (parcel.kind, parcel.quantity, parcel.unit_minor) == ("extra", 2, 2450)


def test_each_line_knows_its_wish():
    paid = quote(HOUSE, [SessionWish(KAYAK, KAYAK_AT, 1), StayWish(REED, ARRIVE, DEPART, 1)])

    assert [one.wish for one in paid.lines] == [0, 1, 1, 1]
    assert {one.offer_id for one in paid.lines if one.wish == 1} == {REED.id}
    assert paid.lines[1].label == {"en": "Reed Room", "de": "Schilfzimmer"}


def test_an_empty_basket_costs_nothing():
    assert quote(HOUSE, []).total_minor == 0


@pytest.mark.parametrize(
    ("extras", "refusal"),
    [
        (((BICYCLE, 5),), TooManyExtras),
        (((BICYCLE, 2), (BICYCLE, 3)), TooManyExtras),
        (((BICYCLE, 3), (BICYCLE, -1)), TooManyExtras),
        (((replace(PARCEL, offer_kinds=frozenset({"session"})), 1),), ExtraNotForThis),
    ],
)
def test_extras_have_a_limit_and_a_place(extras, refusal):
    with pytest.raises(refusal):
        quote(HOUSE, [StayWish(REED, ARRIVE, DEPART, 2, 0, extras)])


def test_what_is_paid_by_the_night_does_not_go_with_a_session():
    with pytest.raises(ExtraNotForThis):
        quote(HOUSE, [SessionWish(KAYAK, KAYAK_AT, 2, 0, ((BREAKFAST, 1),))])
    assert HOUSE.extras_for("session") == (PARCEL,)


@pytest.mark.parametrize(("adults", "children"), [(-1, 0), (1, -1)])
def test_nobody_can_pay_for_fewer_than_no_people(adults, children):
    with pytest.raises(PartyUnclear):
        stay_total(HOUSE, REED, ARRIVE, DEPART, adults, children)
    with pytest.raises(PartyUnclear):
        quote(HOUSE, [SessionWish(KAYAK, KAYAK_AT, adults, children)])


RATES = st.builds(
    Rate,
    minor=st.integers(0, 10**7),
    weekdays=st.frozensets(st.integers(0, 6)),
    first=st.none() | st.dates(date(2026, 1, 1), date(2026, 6, 30)),
    last=st.none() | st.dates(date(2026, 3, 1), date(2026, 12, 31)),
    priority=st.integers(0, 3),
)
CHARGES = st.lists(
    st.builds(
        Charge,
        id=st.just(0),
        code=st.just(""),
        texts=st.just(named("Charge")),
        kind=st.sampled_from(["fee", "tax"]),
        basis=st.sampled_from(Basis),
        minor=st.integers(0, 10**5),
        vat_bp=st.sampled_from([0, 700, 1900, 2100]),
    ),
    max_size=4,
).map(lambda found: tuple(replace(c, id=n, code=str(n)) for n, c in enumerate(found)))


@given(
    st.lists(RATES, max_size=5),
    CHARGES,
    st.dates(date(2025, 12, 1), date(2026, 12, 31)),
    st.integers(1, 40),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_the_fast_total_is_the_total_of_the_quote(rates, charges, arrive, nights, adults, children):
    base = Rate(8000, frozenset(), None, None, 0)
    offer = replace(REED, rates=(base, *rates))
    house = replace(HOUSE, stays=(offer,), charges=charges)
    depart = arrive + timedelta(days=nights)

    paid = quote(house, [StayWish(offer, arrive, depart, adults, children)])

    total = stay_total(house, offer, arrive, depart, adults, children)
    assert total == paid.total_minor == sum(one.total_minor for one in paid.lines)
    assert sum(minor for _, minor in paid.vat_by_rate) == sum(one.vat_minor for one in paid.lines)
    for one in paid.lines:
        assert one.vat_minor == included_tax(one.total_minor, one.vat_bp)
        assert one.unit_minor is None or one.unit_minor * one.quantity == one.total_minor


@given(st.dates(date(2026, 1, 1), date(2026, 12, 1)), st.integers(1, 20), st.integers(1, 20))
def test_two_stays_back_to_back_cost_the_nights_of_one(arrive, first, second):
    middle, depart = arrive + timedelta(days=first), arrive + timedelta(days=first + second)
    house = replace(HOUSE, charges=(VISITORS_TAX,))

    parts = stay_total(house, REED, arrive, middle, 2, 0) + stay_total(
        house, REED, middle, depart, 2, 0
    )

    assert parts == stay_total(house, REED, arrive, depart, 2, 0)


# --- The digest --------------------------------------------------------------------------


def digest(house=HOUSE, offer=REED, **wish):
    wish = {"arrive": ARRIVE, "depart": DEPART, "adults": 2} | wish
    return quote(house, [StayWish(offer, **wish)]).digest


def test_a_changed_price_and_a_changed_wish_change_the_digest():
    dearer = replace(REED, rates=(Rate(9501, frozenset(), None, None, 9), *REED.rates))
    same_total = replace(
        REED, rates=(*REED.rates, Rate(10500, frozenset(), ARRIVE, ARRIVE, 9),
                     Rate(10500, frozenset(), date(2026, 5, 8), date(2026, 5, 8), 9)),
    )  # fmt: skip
    assert stay_total(HOUSE, same_total, ARRIVE, DEPART, 2, 0) == stay_total(
        HOUSE, REED, ARRIVE, DEPART, 2, 0
    )

    found = [
        digest(),
        digest(offer=dearer),
        digest(offer=same_total),
        digest(offer=replace(REED, vat_bp=1900)),
        digest(replace(HOUSE, charges=())),
        digest(replace(HOUSE, venue=replace(VENUE, currency="CHF"))),
        digest(children=1),
        digest(extras=((BICYCLE, 1),)),
    ]

    assert len(set(found)) == len(found)


def test_a_corrected_name_and_another_time_zone_do_not_change_the_digest():
    assert digest() == digest(offer=replace(REED, texts=named("The Reed Room")))
    assert (
        quote(HOUSE, [SessionWish(KAYAK, KAYAK_AT, 1)]).digest
        == quote(HOUSE, [SessionWish(KAYAK, KAYAK_AT.astimezone(BERLIN), 1)]).digest
    )


def test_the_digest_is_the_same_in_every_process():
    # Written down once: a digest in a page outlives the process that made it.
    assert digest() == "605ddfd46d0cd7fc"
