"""Once, in good time and in their language, a guest is told how to arrive; or not, if they like."""

import email
import email.policy
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from app.booking.models import OfferRow, Reservation, VenueRow
from app.booking.reservations import cancel, get_for_update
from app.core import outbox
from app.core.database import db
from app.guestbook.reminders import remind, remind_at, reminder_of, set_reminders
from tests.house.visitor import Visitor, key_of, reference_of
from tests.owner.guests import book, details, stay

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
ARRIVE, DEPART = date(2031, 6, 2), date(2031, 6, 5)
# Nine o'clock at the place, three days before.
DUE = datetime(2031, 5, 30, 7, tzinfo=UTC)
ADA = details("Ada Lovelace", "ada@example.org")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def ada(place, clock):
    """The reference of Ada's stay, from 2 to 5 June 2031."""
    with place.app_context():
        return book(stay("reed-room", ARRIVE, DEPART), now=clock(), who=ADA)


def row(reference):
    return db.session.scalar(sa.select(Reservation).where(Reservation.reference == reference))


def sweep(clock, at):
    """Do what the worker does at a minute; return how many mails before arrival there are."""
    clock.set(at)
    remind(at)
    jobs = sa.select(sa.func.count()).where(outbox.Job.topic == "arrival-mail")
    count = db.session.scalar(jobs.select_from(outbox.Job))
    db.session.rollback()
    return count


def letters(instance, clock):
    """Send what is in the outbox; return the mails before arrival."""
    while outbox.run_due(now=clock()):
        pass
    files = sorted((instance / "mail").glob("*-arrival-*.eml"))
    return [email.message_from_string(f.read_text(), policy=email.policy.default) for f in files]


# -- When -------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.clause("C18")
def test_a_guest_is_reminded_once_at_nine_of_the_day_that_the_house_chose(place, clock, ada):
    with place.app_context():
        assert sweep(clock, DUE - MINUTE) == 0
        assert sweep(clock, DUE) == 1
        assert row(ada).reminded_at == DUE
        assert sweep(clock, DUE + MINUTE) == 1
        assert sweep(clock, DUE + 2 * DAY) == 1


def test_a_worker_that_stood_still_reminds_late_but_never_after_the_start(place, clock, ada):
    with place.app_context():
        late = book(stay("boathouse", ARRIVE, DEPART), now=clock(), who=ADA)
        db.session.execute(
            sa.update(Reservation).where(Reservation.reference == late).values(unreminded=True)
        )
        db.session.commit()
        assert sweep(clock, datetime(2031, 6, 2, 12, 59, tzinfo=UTC)) == 1
        set_reminders(row(late), wanted=True)
        db.session.commit()
        assert sweep(clock, datetime(2031, 6, 2, 13, 0, tzinfo=UTC)) == 1


@pytest.mark.clause("C18")
@pytest.mark.parametrize(("days", "due"), [(1, DUE + 2 * DAY), (7, DUE - 4 * DAY)])
def test_the_house_sets_the_time(place, clock, ada, days, due):
    with place.app_context():
        db.session.execute(sa.update(VenueRow).values(remind_days=days))
        db.session.commit()
        assert sweep(clock, due - MINUTE) == 0
        assert sweep(clock, due) == 1


def test_with_no_days_nobody_is_reminded(place, clock, ada):
    with place.app_context():
        db.session.execute(sa.update(VenueRow).values(remind_days=0))
        db.session.commit()
        assert sweep(clock, DUE + DAY) == 0
        assert reminder_of(row(ada), now=clock()) is None


@pytest.mark.parametrize(
    ("zone", "start", "due"),
    [
        # Over the night in which clocks go forward, and back: nine stays nine.
        ("Europe/Berlin", "2031-03-31T13:00", "2031-03-28T08:00"),
        ("Europe/Berlin", "2031-10-27T14:00", "2031-10-24T07:00"),
        # Where the day of the stay is another one than in UTC.
        ("Asia/Shanghai", "2031-06-01T23:00", "2031-05-30T01:00"),
        ("America/Los_Angeles", "2031-06-02T03:00", "2031-05-29T16:00"),
        ("Pacific/Kiritimati", "2031-06-01T12:00", "2031-05-29T19:00"),
    ],
)
def test_nine_is_nine_by_the_clock_of_the_place(zone, start, due):
    begins = datetime.fromisoformat(start).replace(tzinfo=UTC)

    at = remind_at(begins, 3, ZoneInfo(zone))

    assert at == datetime.fromisoformat(due).replace(tzinfo=UTC)
    assert at.astimezone(ZoneInfo(zone)).hour == 9


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Shanghai", "Pacific/Kiritimati"])
def test_the_sweep_finds_who_is_due_wherever_the_place_is(place, clock, zone):
    with place.app_context():
        db.session.execute(sa.update(VenueRow).values(zone=zone, catalogue_version=99))
        db.session.commit()
        reference = book(stay("reed-room", ARRIVE, DEPART), now=clock(), who=ADA)
        due = remind_at(row(reference).first_start, 3, ZoneInfo(zone))
        assert sweep(clock, due - MINUTE) == 0
        assert sweep(clock, due) == 1


def test_over_a_change_of_clocks_the_sweep_keeps_to_the_wall(place, clock):
    with place.app_context():
        arrive = date(2031, 10, 27)
        book(stay("reed-room", arrive, arrive + DAY), now=clock(), who=ADA)
        assert sweep(clock, datetime(2031, 10, 24, 6, 59, tzinfo=UTC)) == 0
        assert sweep(clock, datetime(2031, 10, 24, 7, 0, tzinfo=UTC)) == 1


# -- Who --------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.clause("C18")
def test_who_books_within_the_span_has_just_been_told_and_gets_no_reminder(place, clock):
    with place.app_context():
        book(stay("reed-room", ARRIVE, DEPART), now=DUE + MINUTE, who=ADA)
        assert sweep(clock, DUE + 2 * MINUTE) == 0
        assert sweep(clock, DUE + 2 * DAY) == 0


@pytest.mark.both_databases
@pytest.mark.clause("C18")
def test_only_what_is_firm_is_reminded_of(place, clock, ada):
    with place.app_context():
        book(stay("boathouse", ARRIVE, DEPART), now=DUE - 5 * MINUTE, firm=False)
        cancel(get_for_update(row(ada).id), expected_refund=None, now=clock())
        db.session.commit()
        assert sweep(clock, DUE) == 0


@pytest.mark.clause("C18")
def test_what_is_moved_is_reminded_of_anew_at_its_own_time(place, clock, ada):
    with place.app_context():
        assert sweep(clock, DUE) == 1
        reservation = row(ada)
        reservation.first_start += 7 * DAY
        db.session.commit()
        assert sweep(clock, DUE + DAY) == 1
        assert sweep(clock, DUE + 7 * DAY) == 2


def test_what_stays_at_its_time_is_not_reminded_of_anew(place, clock, ada):
    with place.app_context():
        sweep(clock, DUE)
        reservation = row(ada)
        reservation.first_start = reservation.first_start.astimezone(BERLIN)
        reservation.language = "de"
        db.session.commit()
        assert sweep(clock, DUE + MINUTE) == 1


@pytest.mark.both_databases
def test_the_sweep_reads_nothing_of_the_past_or_of_far_ahead(place, clock, ada, count_queries):
    with place.app_context():
        sweep(clock, DUE - 5 * DAY)
        with count_queries() as sent:
            remind(DUE - 5 * DAY)
        plan = "EXPLAIN QUERY PLAN " if db.engine.dialect.name == "sqlite" else ""
        if plan:
            asked = next(one for one in sent if "first_start" in one)
            connection = db.session.connection().connection.driver_connection
            rows = connection.execute(plan + asked, ("2031", "2032", "confirmed")).fetchall()
            assert "ix_reservation_first_start" in str(rows)
        assert len(sent) <= 4


# -- What it says -----------------------------------------------------------------------------


@pytest.mark.clause("C18")
def test_the_mail_has_what_is_needed_on_the_way_and_the_links(place, clock, instance, visitor):
    booked = visitor.book()
    reference, key = reference_of(booked), key_of(booked)
    with place.app_context():
        sweep(clock, DUE)
        (letter,) = letters(instance, clock)
    text = letter.get_body(("plain",)).get_content()

    assert reference in letter["Subject"]
    for said in ("Dorfstraße 27", "15:00", "By train to Stralsund", "past the rain barrel"):
        assert said in text
    for path in ("/arrival", "/wishes", "/reminders", ""):
        address = f"http://localhost/reservations/{reference}{path}?key={key}&lang=en"
        assert address in text
        assert visitor.open(address).status == 200
    assert letter["List-Unsubscribe"] == (
        f"<http://localhost/reservations/{reference}/reminders?key={key}&lang=en>"
    )
    assert letter["List-Unsubscribe-Post"] is None  # it asks for https


@pytest.mark.clause("C18")
def test_what_opens_the_door_is_in_no_mail(place, clock, instance, ada):
    with place.app_context():
        room = db.session.scalars(sa.select(OfferRow).where(OfferRow.slug == "reed-room")).one()
        room.texts = {
            language: {**texts, "house_notes": "The code of the door is 4711."}
            for language, texts in room.texts.items()
        }
        db.session.commit()
        sweep(clock, DUE)
        (letter,) = letters(instance, clock)

    assert "4711" not in letter.as_string()


@pytest.mark.clause("C18")
def test_the_mail_is_in_the_language_of_the_booking(place, clock, instance, visitor):
    visitor.book()
    with place.app_context():
        db.session.execute(sa.update(Reservation).values(language="de"))
        db.session.commit()
        sweep(clock, DUE)
        (letter,) = letters(instance, clock)

    assert letter["Content-Language"] == "de"
    assert "an der Regentonne vorbei" in letter.get_content()


@pytest.mark.parametrize("what", ["cancelled", "switched off", "erased", "begun"])
def test_a_mail_that_waited_is_not_sent_to_who_does_not_need_it_any_more(
    place, clock, instance, ada, what
):
    with place.app_context():
        sweep(clock, DUE)
        reservation = row(ada)
        if what == "cancelled":
            cancel(get_for_update(reservation.id), expected_refund=None, now=clock())
        elif what == "switched off":
            set_reminders(reservation, wanted=False)
        elif what == "erased":
            reservation.person._email = None
        else:
            clock.set(reservation.first_start)
        db.session.commit()

        assert letters(instance, clock) == []
        assert not db.session.scalars(
            sa.select(outbox.Job.id).where(outbox.Job.done_at.is_(None))
        ).all()


# -- Switched off -----------------------------------------------------------------------------


def reminders_page(visitor, page):
    return visitor.open(f"/reservations/{reference_of(page)}/reminders?key={key_of(page)}")


@pytest.mark.clause("C18")
def test_one_button_switches_reminders_off_and_another_on_again(place, clock, visitor):
    booked = visitor.book()
    said = [link["href"] for link in booked.soup.find_all("a") if "/reminders?" in link["href"]]

    off = visitor.send(visitor.open(said[0]).form())
    with place.app_context():
        none = sweep(clock, DUE)
    on = visitor.send(off.form())
    with place.app_context():
        again = sweep(clock, DUE + MINUTE)

    assert "switched off" in off.words
    assert none == 0
    assert "switched off for" not in on.words
    assert again == 1


@pytest.mark.clause("C18")
def test_opening_the_page_alone_switches_nothing_off(place, visitor):
    booked = visitor.book()

    reminders_page(visitor, booked)

    with place.app_context():
        assert row(reference_of(booked)).unreminded is False


@pytest.mark.clause("C18")
def test_a_mail_program_switches_them_off_with_its_one_click(place, visitor):
    booked = visitor.book()
    address = f"/reservations/{reference_of(booked)}/reminders?key={key_of(booked)}&lang=en"
    program = Visitor(place, headers={"User-Agent": "mail"})

    for _ in range(2):
        answer = program.ask("POST", address, data={"List-Unsubscribe": "One-Click"})
        assert answer.status == 200  # it follows no redirect

    with place.app_context():
        assert row(reference_of(booked)).unreminded is True
