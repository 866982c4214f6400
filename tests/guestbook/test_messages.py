"""Guest and house write to each other, and nobody else reads a word of it."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.accounts.models import READER, STAFF
from app.booking.links import guest_key
from app.booking.models import Reservation
from app.core.database import db
from app.guestbook import messages
from app.guestbook.messages import ThreadClosed
from app.guestbook.models import GUEST, HOUSE, Message
from tests.accounts.ways import mails
from tests.house.canaries import found_under
from tests.owner.guests import book, details, stay
from tests.owner.house import read_of, words

FIRST = date(2031, 6, 2)
ADA, BO = details("Ada Lovelace", "ada@example.org"), details("Bo Ek", "bo@example.org")
ASKED = "May we bring our heron?\nHe is <b>very</b> quiet."


def thread_of(app, reference):
    """Return the address of a reservation's thread, with its key."""
    with app.app_context():
        query = sa.select(Reservation).where(Reservation.reference == reference)
        found = db.session.scalar(query)
        return f"/reservations/{reference}/messages?key={guest_key(found)}"


def person_of(app, reference):
    with app.app_context():
        query = sa.select(Reservation.person_id).where(Reservation.reference == reference)
        return db.session.scalar(query)


def kept(app):
    """Return every message as it is: who wrote, what, and whether it was read."""
    with app.app_context():
        rows = db.session.scalars(sa.select(Message).order_by(Message.id))
        return [(one.author, one.body, one.read_at is not None) for one in rows]


@pytest.fixture
def ada(place, clock):
    """Ada's reservation, four weeks ahead."""
    with place.app_context():
        return book(stay("reed-room", FIRST, FIRST + timedelta(days=2)), now=clock(), who=ADA)


@pytest.fixture
def bo(place, clock):
    """Bo's, of the same days."""
    with place.app_context():
        return book(stay("reed-room", FIRST, FIRST + timedelta(days=2)), now=clock(), who=BO)


# -- To and fro -------------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_a_guest_asks_the_house_answers_and_each_is_told_by_a_mail_without_a_word_of_it(
    place,
    client,
    enters,
    ada,
):
    staff, path = enters(STAFF), thread_of(place, ada)

    asked = client.post(path, data={"body": ASKED})
    waiting = _unread(place)
    mails(place)
    shown = staff.get(f"/owner/reservations/{ada}")
    answered = staff.post(f"/owner/reservations/{ada}/messages", body="He is welcome.")
    offered = words(client.get(path.replace("/messages", "")))
    read = client.get(path)

    assert (asked.status_code, answered.status_code) == (303, 303)
    assert waiting == 1
    assert "He is &lt;b&gt;very&lt;/b&gt; quiet." in shown.text
    assert "heron?<br>He is" in shown.text
    assert "1 new message from us" in offered
    assert "He is welcome." in words(read)
    assert kept(place) == [(GUEST, ASKED, True), (HOUSE, "He is welcome.", True)]
    assert _unread(place) == 0
    subjects = ("A message for you", "A guest has written")
    letters = [mail for mail in mails(place) if str(mail["Subject"]).startswith(subjects)]
    to = {mail["To"].addresses[0].addr_spec for mail in letters}
    assert "ada@example.org" in to
    assert len(to) == 2
    for mail in letters:
        text = mail.get_content()
        assert "heron" not in text
        assert "welcome" not in text
    told = next(m for m in letters if m["To"].addresses[0].addr_spec == "ada@example.org")
    assert f"/reservations/{ada}/messages?" in told.get_content()


def _unread(app):
    with app.app_context():
        return db.session.scalar(messages.unread_count())


@pytest.mark.clause("C16")
def test_the_guest_sees_that_their_messages_were_opened(place, client, enters, ada):
    client.post(thread_of(place, ada), data={"body": ASKED})

    enters(STAFF).get(f"/owner/reservations/{ada}")

    assert ("staff", "message", 1) in read_of(place, person_of(place, ada))


@pytest.mark.clause("C14")
def test_not_a_word_of_a_message_lies_open(place, client, enters, ada, instance):
    client.post(thread_of(place, ada), data={"body": "A canary in the reeds"})
    enters(STAFF).post(f"/owner/reservations/{ada}/messages", body="A warbler in the sedge")
    mails(place)

    assert found_under(instance, ("canary in the reeds", "warbler in the sedge")) == []


def test_whoever_only_reads_leaves_a_message_unread_and_cannot_answer(
    place,
    client,
    enters,
    ada,
):
    client.post(thread_of(place, ada), data={"body": ASKED})
    reader = enters(READER)

    page = reader.get(f"/owner/reservations/{ada}")
    answer = reader.post(f"/owner/reservations/{ada}/messages", body="Hello")

    assert "very" in page.text
    assert f'action="/owner/reservations/{ada}/messages"' not in page.text
    assert answer.status_code == 403
    assert kept(place) == [(GUEST, ASKED, False)]


# -- Whose it is ------------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_another_guests_link_or_account_opens_no_thread(place, client, enters, ada, bo):
    wrong = thread_of(place, bo).replace(bo, ada)
    guest = enters("guest", "bo@example.org")
    theirs = f"/account/messages/{ada}"

    answers = [
        client.get(wrong),
        client.post(wrong, data={"body": "Let me in"}),
        client.get(f"/reservations/{ada}/messages"),
        client.post(f"/reservations/{ada}/agree?key=wrong"),
        guest.get(theirs),
        guest.get(wrong),
        guest.get("/account/messages/ABCD2345"),
    ]

    assert [one.status_code for one in answers] == [404] * 7
    assert kept(place) == []


def test_an_account_leads_to_the_thread_of_its_own_reservation(place, enters, ada):
    guest = enters("guest", "ada@example.org")

    answer = guest.get(f"/account/messages/{ada}", follow_redirects=True)

    assert answer.status_code == 200
    assert "Nothing has been written yet" in words(answer)


# -- What can't be sent -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "Please write something first"),
        ("x" * 2001, "2000 characters"),
        ("my card is 4111 1111 1111 1111", "card number"),
    ],
)
@pytest.mark.clause("C03")
def test_what_cannot_be_sent_is_refused_beside_the_field(place, client, enters, ada, body, said):
    page = client.post(thread_of(place, ada), data={"body": body})
    house = enters(STAFF).post(f"/owner/reservations/{ada}/messages", body=body)

    for answer in (page, house):
        assert answer.status_code == 422
        soup = BeautifulSoup(answer.text, "html.parser")
        assert said in soup.find(id="body-error").text
        assert "4111" not in answer.text
    assert kept(place) == []


def test_a_form_pressed_twice_sends_once(place, client, ada):
    for _ in range(3):
        client.post(thread_of(place, ada), data={"body": ASKED})

    assert len(kept(place)) == 1


def test_a_flood_of_messages_is_stopped_and_kept_from_the_house(place, client, ada, clock):
    path = thread_of(place, ada)

    answers = [client.post(path, data={"body": f"Message {n}"}).status_code for n in range(14)]

    assert answers == [303] * 10 + [429] * 4
    assert len(kept(place)) == 10
    assert len([m for m in mails(place) if "has written" in str(m["Subject"])]) == 1
    clock.move(timedelta(hours=2))
    assert client.post(path, data={"body": "Once more"}).status_code == 303


def test_a_thread_closes_30_days_after_the_stay(place, client, ada, clock):
    path = thread_of(place, ada)
    clock.set(clock().replace(month=7, day=3))
    last = client.post(path, data={"body": "Thank you"}).status_code
    clock.move(timedelta(days=3))

    page = client.get(path)
    late = client.post(path, data={"body": "One more thing"})

    assert (last, late.status_code) == (303, 409)
    assert "This conversation is closed" in words(page)
    assert "Send this message" not in page.text


@pytest.mark.both_databases
def test_nothing_is_written_about_what_was_never_anybodys(place, clock):
    with place.app_context():
        reference = book(
            stay("reed-room", FIRST, FIRST + timedelta(days=2)), now=clock(), firm=False
        )
        query = sa.select(Reservation.id).where(Reservation.reference == reference)
        with pytest.raises(ThreadClosed):
            messages.write(db.session.scalar(query), GUEST, "Hello", now=clock())


@pytest.mark.both_databases
def test_unread_counts_are_of_the_other_side(place, clock):
    with place.app_context():
        reference = book(stay("reed-room", FIRST, FIRST + timedelta(days=2)), now=clock(), who=ADA)
        query = sa.select(Reservation.id).where(Reservation.reference == reference)
        number = db.session.scalar(query)
        for author, body in ((GUEST, "one"), (GUEST, "two"), (HOUSE, "three")):
            messages.write(number, author, body, now=clock())
        db.session.commit()

        assert db.session.scalar(messages.unread_count()) == 2
        assert messages.unread_of([number], HOUSE) == {number: 1}
        assert [one.count for one in messages.waiting_for_house()] == [2]
        messages.mark_read(number, GUEST, now=clock())
        assert db.session.scalar(messages.unread_count()) == 0
        assert messages.unread_of([number], HOUSE) == {number: 1}


def test_looking_at_a_thread_again_writes_nothing(place, client, ada, count_queries):
    path = thread_of(place, ada)
    with place.app_context():
        query = sa.select(Reservation.id).where(Reservation.reference == ada)
        messages.write(db.session.scalar(query), HOUSE, "Hello", now=place.extensions["clock"]())
        db.session.commit()
    client.get(path)

    with count_queries() as sent:
        client.get(path)

    assert not [one for one in sent if one.startswith("UPDATE")]
    assert len(sent) <= 9
