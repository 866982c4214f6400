"""A guest gets each message once, in their language, and none for what didn't happen (B13)."""

import email
import email.policy
from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from icalendar import Calendar

from app.accounts import mailing
from app.booking.models import Reservation
from app.booking.reservations import cancel, confirm, get_for_update
from app.booking.summary import promise
from app.core import outbox
from app.core.database import KEYS, db
from app.core.outbox import LEASE, Job
from app.core.vault import PersonKey
from tests.accounts.ways import sign_in
from tests.house.visitor import EMAIL, NAME, Visitor, reference_of
from tests.owner.guests import book, details, stay

DAYS = ("2031-06-02", "2031-06-05")


def run(clock):
    with_work = outbox.run_due(now=clock())
    while with_work:
        with_work = outbox.run_due(now=clock())


def letters(instance):
    files = sorted((instance / "mail").glob("*.eml"))
    # As text: Python reads headers of UTF-8 (RFC 6532) from bytes as something else.
    return [email.message_from_string(f.read_text(), policy=email.policy.default) for f in files]


def text_of(letter):
    return letter.get_body(("plain",)).get_content()


def calendar_in(letter):
    [part] = list(letter.iter_attachments())
    assert part.get_content_type() == "text/calendar"
    return Calendar.from_ical(part.get_payload(decode=True))


def waiting():
    found = db.session.scalars(sa.select(Job.payload).where(Job.topic == "mail").order_by(Job.id))
    result = [payload["template"] for payload in found]
    db.session.rollback()
    return result


def dates():
    return [date.fromisoformat(day) for day in DAYS]


@pytest.fixture
def booked(place, clock):
    """A confirmed reservation, its mail not sent yet; the session is open to the test."""
    with place.app_context():
        reference = book(stay("reed-room", *dates()), now=clock(), who=details(NAME, EMAIL))
        yield db.session.scalar(sa.select(Reservation.id).where(Reservation.reference == reference))


@pytest.mark.clause("C16")
def test_a_booking_and_its_cancellation_send_one_message_each(place, clock, visitor, instance):
    reservation = visitor.book()
    with place.app_context():
        run(clock)
    [confirmed] = letters(instance)
    visitor.send(reservation.form("/cancel"))
    with place.app_context():
        run(clock)
        run(clock)
        assert waiting() == ["confirmed", "cancelled"]

    first, second = sorted(letters(instance), key=lambda one: str(one["Message-ID"]), reverse=True)
    assert {str(first["To"]), str(second["To"])} == {f"{NAME} <{EMAIL}>"}
    assert reference_of(reservation) in confirmed["Subject"]
    assert "€428.00" in text_of(confirmed)
    assert text_of(confirmed).endswith("\n\nHaus Rohrdommel\n")
    assert confirmed["Auto-Submitted"] == "auto-generated"
    assert first["Message-ID"] != second["Message-ID"]


def test_what_comes_back_is_said_in_order_and_alone_where_nothing_does(place, clock, booked):
    reservation = db.session.scalars(sa.select(Reservation)).one()

    ahead = promise(reservation, now=clock())
    late = promise(reservation, now=reservation.first_start)

    assert len(ahead) > 1
    assert ahead[-1] == "After that, nothing comes back."
    assert late == ["If you cancel, nothing comes back."]


@pytest.mark.clause("C16")
def test_the_link_in_a_message_opens_the_reservation(place, clock, visitor, instance):
    visitor.book()
    with place.app_context():
        run(clock)
    [letter] = letters(instance)
    [url] = [line for line in text_of(letter).splitlines() if "/reservations/" in line]

    page = Visitor(place).open(url)

    assert url.startswith("http://localhost/reservations/")
    assert "basket=" not in url
    assert page.title.startswith("You are expected")


@pytest.mark.clause("C18")
@pytest.mark.parametrize("language", ["en", "de", "zh", "fr"])
def test_a_message_speaks_the_language_of_the_booking(place, clock, instance, language):
    visitor = Visitor(place, headers={"Accept-Language": language})
    visitor.book()
    with place.app_context():
        run(clock)

    [letter] = letters(instance)
    [url] = [line for line in text_of(letter).splitlines() if "/reservations/" in line]
    assert letter["Content-Language"] == language
    assert f"lang={language}" in urlsplit(url).query
    assert Visitor(place).open(url).soup.html["lang"].startswith(language)


def test_a_rollback_leaves_no_message(place, clock, instance):
    with place.app_context():
        reference = book(
            stay("reed-room", *dates()), now=clock(), who=details(NAME, EMAIL), firm=False
        )
        found = db.session.scalar(
            sa.select(Reservation.id).where(Reservation.reference == reference)
        )
        confirm(get_for_update(found), now=clock())
        db.session.rollback()
        run(clock)

        assert waiting() == []
    assert letters(instance) == []


def test_confirming_twice_sends_one_message(clock, booked, instance):
    confirm(get_for_update(booked), now=clock())
    db.session.commit()
    run(clock)

    assert waiting() == ["confirmed"]
    assert len(letters(instance)) == 1


def test_a_crash_after_sending_sends_the_very_same_message_again(clock, booked, monkeypatch):
    sent = []

    class Crash(BaseException):
        pass

    def deliver(message, *, name, **_where):
        sent.append((name, message))
        if len(sent) == 1:
            raise Crash

    monkeypatch.setattr(mailing, "deliver", deliver)
    with pytest.raises(Crash):
        outbox.run_due(now=clock())
    db.session.rollback()
    clock.move(LEASE)
    run(clock)
    run(clock)

    assert len(sent) == 2
    assert sent[0][0] == sent[1][0]
    assert sent[0][1]["Message-ID"] == sent[1][1]["Message-ID"]
    assert sent[0][1]["Subject"] == sent[1][1]["Subject"]


def test_a_relay_that_is_away_is_tried_again(clock, booked, monkeypatch, instance):
    tries = []

    def deliver(message, *, name, **_where):
        tries.append(name)
        if len(tries) < 3:
            raise OSError("550 <wilhelmine.kanarienvogel@post.example> says no")

    monkeypatch.setattr(mailing, "deliver", deliver)
    for _ in range(20):
        outbox.run_due(now=clock())
        clock.move(timedelta(minutes=1))

    assert len(tries) == 3
    assert db.session.scalars(sa.select(Job.last_error)).all() == ["OSError"]


@pytest.mark.clause("C26")
def test_nothing_is_sent_to_somebody_who_was_erased(clock, booked, instance):
    with db.engines[KEYS].begin() as connection:
        connection.execute(sa.delete(PersonKey))

    run(clock)

    assert letters(instance) == []
    assert db.session.scalars(sa.select(Job.last_error)).all() == [None]


def test_the_calendar_in_a_message_is_taken_back_by_the_next(clock, booked, instance):
    run(clock)
    cancel(get_for_update(booked), expected_refund=None, now=clock())
    db.session.commit()
    run(clock)

    found = {str(calendar_in(one)["method"]): calendar_in(one) for one in letters(instance)}
    first, second = (found[name].walk("VEVENT")[0] for name in ("PUBLISH", "CANCEL"))
    assert first["uid"] == second["uid"]
    assert int(second["sequence"]) > int(first["sequence"])
    assert NAME not in found["PUBLISH"].to_ical().decode()


@pytest.mark.clause("C14")
@pytest.mark.parametrize(
    ("name", "address"),
    [
        ('Anna "Bcc: all" <x@evil.example>', "anna@example.org"),
        ("Änne, Çelik & 王", "änne@example.org"),
        ("王小明", "用户@例子.example"),
        ("Ännchen", "anna@bücher.example"),
        ("名" * 100, "a" * 60 + "@example.org"),
        ("مريم", "o'neill+tag@example.org"),
    ],
)
def test_names_and_addresses_from_everywhere_reach_one_person_only(
    place, clock, visitor, instance, name, address
):
    page = visitor.tell(visitor.hold(visitor.choose_stay()), name=name, email=address)
    assert page.title == "Check and pay", page.words[:300]
    visitor.pay(page)
    with place.app_context():
        run(clock)
        assert set(db.session.scalars(sa.select(Job.last_error))) == {None}

    [letter] = letters(instance)
    [to] = letter["To"].addresses
    # Python, reading, puts a space where a long name was folded.
    assert to.display_name.replace(" ", "") == name.replace(" ", "")
    assert to.username == address.rpartition("@")[0]
    assert to.domain == address.rpartition("@")[2].encode("idna").decode()
    assert letter["Bcc"] is letter["Cc"] is None
    raw = next((instance / "mail").glob("*.eml")).read_bytes()
    assert all(len(line) <= 998 for line in raw.splitlines())


def test_the_owner_can_read_a_message_to_an_address_of_any_script(place, clock, visitor):
    visitor.pay(
        visitor.tell(visitor.hold(visitor.choose_stay()), name="王小明", email="用户@例子.example")
    )
    with place.app_context():
        run(clock)
    owner = sign_in(place, clock, place.test_client())

    page = owner.get("/owner/mail")

    assert page.status_code == 200
    assert "王小明" in page.text


@dataclass
class Relay:
    """What a relay on this machine was handed."""

    sent: list = field(default_factory=list)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def send_message(self, message):
        self.sent.append(message)


@pytest.mark.clause("C02")
def test_with_a_relay_the_message_goes_there_and_into_no_file(place, clock, booked, instance):
    relay = Relay()

    class Door:
        def recipients(self):
            return ["mail relay"]

        def mail_relay(self):
            return relay

    place.extensions["egress"] = Door()
    run(clock)

    assert [str(one["To"]) for one in relay.sent] == [f"{NAME} <{EMAIL}>"]
    assert not (instance / "mail").exists()
