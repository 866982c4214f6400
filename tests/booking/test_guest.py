"""A reservation is for whoever has its link, and gives back exactly what it says (B12, B15)."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from icalendar import Calendar

from app.booking.links import checkout_key, guest_key, guest_url
from app.booking.models import CANCELLED, Night, Reservation
from app.booking.reservations import prove
from app.core import outbox
from app.core.database import db
from tests.house.visitor import Visitor, key_of, reference_of
from tests.owner.guests import book, details, seats, stay


@pytest.fixture
def booked(visitor):
    """A reservation's page: EUR 428.00, from 2 to 5 June 2031."""
    return visitor.book()


def the_reservation():
    db.session.rollback()
    return db.session.scalars(sa.select(Reservation)).one()


def test_who_books_a_tour_beside_a_stay_is_told_that_the_first_day_counts(place, visitor, clock):
    sauna = datetime(2031, 5, 20, 15, tzinfo=UTC)
    with place.test_request_context():
        room = stay("reed-room", date(2031, 6, 2), date(2031, 6, 4))
        both = book(room, seats("sauna", sauna), who=details("Ada", "ada@example.org"), now=clock())
        alone = book(room, who=details("Ada", "ada@example.org"), now=clock())
        db.session.commit()
        of = {one.reference: guest_url(one) for one in db.session.scalars(sa.select(Reservation))}

    said = "this counts from the first: Tuesday, 20 May 2031"
    assert said in visitor.open(of[both]).words
    assert "this counts from the first" not in visitor.open(of[alone]).words


def test_a_mail_that_has_gone_is_not_on_its_way(visitor, booked, clock):
    address = f"/reservations/{reference_of(booked)}?key={key_of(booked)}"
    assert "The confirmation is on its way to" in booked.words

    clock.move(timedelta(days=2))

    assert "The confirmation went to" in visitor.open(address).words
    clock.set(datetime(2031, 6, 6, tzinfo=UTC))
    over = visitor.open(address).words
    assert "Your stay is over" in over
    assert "You are expected" not in over
    assert "If you cancel" not in over


def calendar_of(visitor, page):
    file = visitor.open(f"/reservations/{reference_of(page)}/calendar.ics?key={key_of(page)}")
    assert file.header("Content-Type") == "text/calendar; charset=utf-8"
    return Calendar.from_ical(file.body)


@pytest.mark.clause("C14")
@pytest.mark.clause("C22")
def test_without_the_right_key_there_is_nothing(place, visitor, booked):
    reference, key = reference_of(booked), key_of(booked)
    other = Visitor(place)
    theirs = other.pay(other.tell(other.hold(other.choose_stay("lagoon-suite"))))
    addresses = [
        (reference, ""),
        (reference, "A" * 24),
        (reference, key[:-1]),
        (reference, key.swapcase()),
        (reference, key_of(theirs)),
        (reference_of(theirs), key),
        (reference.lower(), key),
        ("AAAAAAAA", key),
        (reference + "x", key),
    ]
    nothing = visitor.open("/nothing").words

    for one, with_key in addresses:
        for path in ("", "/calendar.ics"):
            page = visitor.open(f"/reservations/{one}{path}?key={with_key}")
            assert (page.status, page.words) == (404, nothing)
        refused = visitor.ask(
            "POST", f"/reservations/{one}/cancel?key={with_key}", data={"refund_minor": "42800"}
        )
        assert refused.status == 404
    with place.app_context():
        assert CANCELLED not in db.session.scalars(sa.select(Reservation.status)).all()


@pytest.mark.clause("C14")
def test_a_revoked_link_leads_nowhere(place, visitor, booked):
    with place.app_context():
        the_reservation().link_serial += 1
        db.session.commit()

    assert visitor.open(booked.url).status == 404
    assert visitor.send(booked.form("/cancel")).status == 404
    with place.app_context():
        assert the_reservation().status != CANCELLED


@pytest.mark.clause("C14")
@pytest.mark.clause("C17")
def test_a_revoked_link_takes_the_checkout_along(place, visitor, booked):
    """A checkout leads on to the reservation's own page: to its new address, to whoever asks."""
    with place.app_context():
        checkout = checkout_key(the_reservation())
        the_reservation().link_serial += 1
        db.session.commit()
        fresh, key = checkout_key(the_reservation()), guest_key(the_reservation())

    for page in ("", "/pay", "/return"):
        shut, led = (
            visitor.open(f"/checkout/{checkout}{page}"),
            visitor.open(f"/checkout/{fresh}{page}"),
        )
        assert (shut.status, key in shut.text) == (404, False)
        assert key in (led.header("Location") or "")


def test_who_holds_the_same_basket_again_finds_a_checkout_whose_link_was_revoked(place, visitor):
    basket = visitor.choose_stay()
    before = visitor.hold(basket)
    with place.app_context():
        the_reservation().link_serial += 1
        db.session.commit()

    again = visitor.hold(basket)

    assert visitor.open(before.url).status == 404
    assert (again.status, again.title) == (200, before.title)


def amount_on(page):
    return page.soup.select_one("form[action*=cancel] button").get_text(strip=True)


@pytest.mark.clause("C16")
@pytest.mark.parametrize(
    ("when", "share"),
    [
        (datetime(2031, 5, 6, 7, tzinfo=UTC), 10_000),
        (datetime(2031, 5, 19, 21, 59, 59, tzinfo=UTC), 10_000),
        (datetime(2031, 5, 19, 22, 0, 0, tzinfo=UTC), 5_000),
        (datetime(2031, 5, 26, 22, 0, 0, tzinfo=UTC), 2_000),
        (datetime(2031, 6, 1, 22, 0, 0, tzinfo=UTC), 0),
    ],
)
def test_what_comes_back_is_what_the_page_said_to_the_cent(
    place, clock, visitor, booked, when, share
):
    clock.set(when)
    shown = visitor.open(booked.url)
    promised = int(shown.form("/cancel").values["refund_minor"])
    cancelled = visitor.send(shown.form("/cancel"))
    with place.app_context():
        while outbox.run_due(now=clock()):
            pass
        refunds = db.session.execute(sa.text("SELECT amount_minor FROM refund")).scalars().all()
        found = the_reservation()
        assert (found.status, found.refund_minor) == (CANCELLED, promised)
        assert sum(refunds) == promised
        assert prove(now=clock()) == []
        assert sum(db.session.scalars(sa.select(Night.taken))) == 0

    # 378.00 and 35.00 and 15.00, each line by itself, half a cent to the guest
    assert promised == sum((line * share + 5_000) // 10_000 for line in (37_800, 3_500, 1_500))
    assert f"€{promised / 100:.2f}" in amount_on(shown)
    assert cancelled.title == "Your reservation is cancelled"
    assert (f"€{promised / 100:.2f}" in cancelled.words) is (promised > 0)


def test_a_refund_that_changed_meanwhile_is_shown_anew_before_anything_happens(
    place, clock, visitor, booked
):
    clock.set(datetime(2031, 5, 21, tzinfo=UTC))

    stale = visitor.send(booked.form("/cancel"))
    done = visitor.send(stale.form("/cancel"))

    assert stale.status == 409
    assert "has changed" in stale.words
    assert "€214.00" in amount_on(stale)
    assert "€214.00" in done.words
    with place.app_context():
        assert the_reservation().refund_minor == 21_400


@pytest.mark.parametrize("tampered", ["99999999", "42801", "-1", "", "x", "4" * 30, "42800.0"])
def test_a_refund_that_was_tampered_with_gives_nothing(place, visitor, booked, tampered):
    page = visitor.send(booked.form("/cancel"), refund_minor=tampered)

    assert page.status == 409
    assert "€428.00" in amount_on(page)
    with place.app_context():
        assert the_reservation().status != CANCELLED


def test_cancelling_twice_gives_back_once(place, clock, visitor, booked):
    sheet = booked.form("/cancel")
    first, second = visitor.send(sheet), visitor.send(sheet)

    with place.app_context():
        while outbox.run_due(now=clock()):
            pass
        refunds = db.session.execute(sa.text("SELECT amount_minor FROM refund")).scalars().all()
    assert first.status == 200
    assert second.status == 409
    assert "has been cancelled" in second.words
    assert refunds == [42_800]


def test_after_the_beginning_there_is_nothing_to_press(clock, visitor, booked):
    clock.set(datetime(2031, 6, 2, 13, tzinfo=UTC))  # 15:00 at the place

    page = visitor.open(booked.url)
    refused = visitor.send(booked.form("/cancel"))

    assert not page.soup.select("form[action*=cancel]")
    assert refused.status == 409


@pytest.mark.clause("C22")
def test_the_calendar_file_is_one_event_with_a_name_that_stays(clock, visitor, booked):
    first = calendar_of(visitor, booked)
    clock.move(timedelta(days=1))
    again = calendar_of(visitor, booked)
    visitor.send(visitor.open(booked.url).form("/cancel"))
    cancelled = calendar_of(visitor, booked)

    events = [calendar.walk("VEVENT") for calendar in (first, again, cancelled)]
    assert [len(found) for found in events] == [1, 1, 1]
    assert len({str(found[0]["uid"]) for found in events}) == 1
    assert [str(one["method"]) for one in (first, again, cancelled)] == [
        "PUBLISH",
        "PUBLISH",
        "CANCEL",
    ]
    assert [int(found[0]["sequence"]) for found in events] == [0, 0, 1]
    assert str(events[2][0]["status"]) == "CANCELLED"
    assert [str(events[0][0].decoded(name)) for name in ("dtstart", "dtend")] == [
        "2031-06-02",
        "2031-06-05",
    ]


def test_a_hold_has_no_calendar_file(place, visitor):
    details = visitor.hold(visitor.choose_stay())
    with place.app_context():
        found = the_reservation()
        url = f"/reservations/{found.reference}/calendar.ics?key={guest_key(found)}"

    assert details.status == 200
    assert visitor.open(url).status == 404
