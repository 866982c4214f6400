"""Only who agreed is asked after a stay, once, by a link that only they have; and may stop it."""

import re
from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from app.accounts.models import READER, STAFF, Account, Claim, Person
from app.accounts.readings import SURVEY
from app.accounts.restrictions import OBJECT, restrict
from app.booking.links import guest_url
from app.booking.models import Reservation, ReservationLine
from app.consent import permissions
from app.core import outbox, worker
from app.core.audit import AuditEntry
from app.core.database import db
from app.core.datamap import Purpose
from app.core.sweeps import carry_out, named
from app.core.vault import vault
from app.guestbook.models import Survey
from app.guestbook.surveys import ANSWERED_FOR, ASKED_FOR
from app.owner.domain import renew_guest_link
from app.owner.surveys import hide
from tests.accounts.ways import mails, make_guest
from tests.house.canaries import found_under
from tests.house.visitor import Visitor
from tests.owner.guests import book, details, stay
from tests.owner.house import read_of, words

ARRIVE, DEPART = date(2031, 5, 6), date(2031, 5, 9)
ALICE = details("Alice Reed", "alice@example.org")
# The clock begins on the fifth at ten by the place's; at ten on the tenth it is time.
UNTIL_ASKED = timedelta(days=5)
SECRET = "The heron in the kitchen was unexpected, Kanarienschnabel"


@pytest.fixture
def alice(place, clock):
    """The id and person of a reservation from 6 to 9 May, of somebody who agreed."""
    return booked(place, clock)


def booked(app, clock, who=ALICE, *, agreed=True, room="reed-room", days=(ARRIVE, DEPART)):
    with app.app_context():
        reference = book(stay(room, *days), now=clock(), who=who)
        found = db.session.scalar(sa.select(Reservation).filter_by(reference=reference))
        pair = found.id, found.person_id
        if agreed:
            permissions.give(pair[1], Purpose.SURVEY, how="checkout", now=clock())
            db.session.commit()
    return pair


def turn_off(app, clock, person):
    with app.app_context():
        permissions.take_back([person], Purpose.SURVEY, now=clock())
        db.session.commit()


def sweep(app, clock):
    """Do what the worker does each minute, twice, and return the surveys that were mailed."""
    with app.app_context():
        for _ in range(2):
            worker.tidy(clock())
    return asked(app)


def asked(app):
    texts = [mail.get_body(("plain",)).get_content() for mail in mails(app)]
    found = [re.search(r"\S+/survey/\S+", text) for text in texts]
    return [urlsplit(link[0]).path for link in found if link]


def surveys_in(app):
    with app.app_context():
        return db.session.scalars(sa.select(Survey)).all()


# -- Who is asked -----------------------------------------------------------------------------


@pytest.mark.clause("C20")
@pytest.mark.both_databases
def test_who_agreed_is_asked_once_at_ten_on_the_day_after(place, clock, alice):
    clock.move(UNTIL_ASKED - timedelta(minutes=1))
    early = sweep(place, clock)
    clock.move(timedelta(minutes=1))
    paths = sweep(place, clock)
    clock.move(timedelta(days=1))

    assert early == []
    assert len(paths) == 1
    assert sweep(place, clock) == paths
    [survey] = surveys_in(place)
    assert (survey.reservation_id, survey.answered_at) == (alice[0], None)


@pytest.mark.clause("C20")
def test_nobody_is_offered_questions_that_would_not_be_sent_any_more(place, clock):
    reservation_id, _ = booked(place, clock, agreed=False)
    with place.test_request_context():
        address = guest_url(db.session.get_one(Reservation, reservation_id))
    offered = []
    for waits in (UNTIL_ASKED, ASKED_FOR):
        clock.move(waits)
        offered.append('id="survey"' in Visitor(place).open(address).text)

    assert offered == [True, False]


@pytest.mark.clause("C20")
def test_who_said_nothing_is_never_asked(place, clock):
    booked(place, clock, agreed=False)
    clock.move(UNTIL_ASKED)

    assert sweep(place, clock) == []
    assert surveys_in(place) == []


@pytest.mark.clause("C20")
@pytest.mark.clause("C21")
@pytest.mark.both_databases
def test_a_yes_taken_back_between_the_queue_and_the_mail_stops_it(
    place,
    clock,
    alice,
):
    clock.move(UNTIL_ASKED)
    with place.app_context():
        from_queue = [work for work in worker._periodic if work.__name__ == "ask_after_stays"]
        for work in from_queue:
            work(clock())
        waiting = db.session.scalar(
            sa.select(sa.func.count()).select_from(outbox.Job).filter_by(topic="survey-mail")
        )
    turn_off(place, clock, alice[1])

    assert waiting == 1
    assert asked(place) == []
    assert surveys_in(place) == []


@pytest.mark.clause("C20")
@pytest.mark.parametrize("how", ["cancelled", "no_show", "objected", "late"])
def test_a_yes_alone_is_not_enough(place, clock, alice, how):
    with place.app_context():
        if how == "cancelled":
            found = db.session.get(Reservation, alice[0])
            found.status, found.cancelled_at = "cancelled", clock()
        elif how == "no_show":
            db.session.execute(sa.update(ReservationLine).values(no_show_at=clock()))
        elif how == "objected":
            restrict([alice[1]], Purpose.SURVEY, OBJECT, now=clock())
        db.session.commit()
    clock.move(timedelta(days=30) if how == "late" else UNTIL_ASKED)

    assert sweep(place, clock) == []


@pytest.mark.clause("C20")
def test_a_yes_in_the_account_counts_for_its_bookings(place, clock):
    _, person = booked(place, clock, agreed=False)
    account_id = make_guest(place, clock, "alice@example.org")
    with place.app_context():
        assert db.session.get(Claim, person).account_id == account_id
        own = db.session.get(Account, account_id).person_id
        permissions.give(own, Purpose.SURVEY, how="account", now=clock())
        db.session.commit()
    clock.move(UNTIL_ASKED)

    assert len(sweep(place, clock)) == 1


# -- Answering --------------------------------------------------------------------------------


@pytest.fixture
def link(place, clock, alice):
    """The path of Alice's survey."""
    clock.move(UNTIL_ASKED)
    return sweep(place, clock)[0]


@pytest.mark.clause("C20")
@pytest.mark.both_databases
def test_it_is_answered_without_an_account_and_can_be_changed(place, link):
    visitor = Visitor(place)
    page = visitor.open(link)
    first = visitor.send(page.form("/survey/" + link.rpartition("/")[2]), overall="4", words=SECRET)
    again = visitor.send(first.form(link), overall="5", again="1", welcome="", words="")

    assert "Thank you" in first.words
    assert SECRET in first.text
    assert again.status == 200
    [survey] = surveys_in(place)
    assert (survey.overall, survey.again, survey.room, survey._words) == (5, True, None, None)
    assert survey.answered_at is not None


@pytest.mark.clause("C20")
def test_nothing_has_to_be_answered_and_nothing_else_can_be(place, link):
    visitor = Visitor(place)
    empty = visitor.send(visitor.open(link).form(link))
    wrong = visitor.ask("POST", link, data={"overall": "6", "words": "4111 1111 1111 1111"})

    assert empty.status == 200
    assert wrong.status == 422
    assert "4111" not in wrong.text
    [survey] = surveys_in(place)
    assert (survey.overall, survey.answered_at) == (None, None)


@pytest.mark.clause("C20")
@pytest.mark.clause("C14")
def test_what_was_written_lies_sealed_and_the_key_nowhere(place, link, instance):
    visitor = Visitor(place)
    visitor.send(visitor.open(link).form(link), words=SECRET)

    key = link.rpartition("/")[2]
    for mail in (instance / "mail").iterdir():
        mail.unlink()
    assert found_under(instance, (SECRET, "Kanarienschnabel", key)) == []


@pytest.mark.clause("C20")
def test_another_key_opens_nothing(place, link):
    visitor = Visitor(place)
    others = [(link[8:-1] + ("A" if link[-1] != "A" else "B"), 410), ("A" * 24, 410)]
    for key, status in [*others, ("A" * 25, 404), ("%00", 404), ("x" * 3000, 404)]:
        assert visitor.open(f"/survey/{key}").status == status
        assert visitor.ask("POST", f"/survey/{key}", data={"overall": "1"}).status == status
    assert surveys_in(place)[0].overall is None


@pytest.mark.clause("C20")
def test_a_link_that_was_forgotten_says_kindly_that_it_is_over(place, clock, link):
    clock.move(timedelta(days=31))
    with place.app_context():
        list(carry_out([named("survey-links")], now=clock()))
        assert db.session.scalar(sa.select(Survey.key_digest)) is None
    visitor = Visitor(place)

    shown, sent = visitor.open(link), visitor.ask("POST", link, data={"overall": "1"})

    assert (shown.status, sent.status) == (410, 410)
    assert f"good for {ANSWERED_FOR.days} days" in shown.words
    assert "To the first page" in shown.words
    assert surveys_in(place)[0].overall is None


@pytest.mark.clause("C14")
@pytest.mark.clause("C20")
def test_a_survey_does_not_give_out_the_link_that_was_made_anew(place, clock, alice, link):
    with place.test_request_context():
        before = (
            guest_url(db.session.get_one(Reservation, alice[0])) in Visitor(place).open(link).text
        )
        fresh = guest_url(renew_guest_link(alice[0], now=clock()))
        db.session.commit()

    shown = Visitor(place).open(link)

    assert (before, shown.status, fresh in shown.text) == (True, 410, False)


@pytest.mark.clause("C20")
@pytest.mark.clause("C21")
@pytest.mark.parametrize("why", ["taken back", "over", "erased", "no key"])
def test_a_link_that_ended_says_so_kindly(place, clock, alice, link, why):
    if why == "taken back":
        turn_off(place, clock, alice[1])
    elif why == "over":
        clock.move(timedelta(days=30))
    with place.app_context():
        if why == "erased":
            db.session.execute(sa.update(Survey).values(person_id=None))
        if why == "no key":
            db.session.execute(sa.update(Survey).values({Survey._words: b"\1" + bytes(40)}))
            vault().destroy([alice[1]])
        db.session.commit()
    visitor = Visitor(place)

    shown, sent = visitor.open(link), visitor.ask("POST", link, data={"overall": "1"})

    assert (shown.status, sent.status) == (410, 410)
    assert ("is over" if why == "over" else "You have taken back") in shown.words
    assert surveys_in(place)[0].overall is None


# -- The house's side -------------------------------------------------------------------------


def answered(app, clock, count, *, room="reed-room", score=4, text=None):
    """Let so many surveys of a room be answered, as if their stays were over."""
    found = []
    for _ in range(count):
        with app.app_context():
            taken = db.session.scalar(sa.select(sa.func.count()).select_from(Reservation))
        first = ARRIVE + timedelta(days=4 * taken)
        found.append(booked(app, clock, room=room, days=(first, first + timedelta(days=2))))
        with app.app_context():
            survey = Survey(
                reservation_id=found[-1][0],
                person_id=found[-1][1],
                key_digest=bytes([taken]) * 32,
                sent_at=clock(),
                answered_at=clock(),
                overall=score,
            )
            survey.words = text
            db.session.add(survey)
            db.session.commit()
    return found


@pytest.mark.clause("C20")
def test_small_groups_are_not_shown_nor_to_be_had_from_the_rest(place, clock, enters):
    answered(place, clock, 4, score=2)
    few = words(enters(READER).get("/owner/surveys"))
    answered(place, clock, 7, room="boathouse", score=5)
    more = words(enters(READER, "two@house.example").get("/owner/surveys"))

    assert "of 5" not in few
    assert "too few" in few
    assert "3.8 of 5 (answers: 10 or more)" in more
    # Of the two rooms one would give the other away.
    assert "5.0 of 5" not in more
    assert "2.0 of 5" not in more


@pytest.mark.clause("C20")
@pytest.mark.clause("C08")
def test_nobodys_answer_is_had_by_looking_before_and_after_it(place, clock, enters):
    """Averages move by five answers at once, as the number of them does."""
    reader = enters(READER)

    def figures():
        return set(re.findall(r"[\d.]+ of 5 \(answers: \d+ or more\)", words(look())))

    def look():
        return reader.get("/owner/surveys")

    answered(place, clock, 5, score=5)
    seen = []
    for _ in range(5):
        seen.append(figures())
        clock.move(timedelta(minutes=1))
        answered(place, clock, 1, score=1)

    assert seen == [{"5.0 of 5 (answers: 5 or more)"}] * 5
    assert figures() == {"3.0 of 5 (answers: 10 or more)"}


def test_what_is_left_out_is_never_less_than_five_together():
    assert hide([("a", 4), ("b", 6), ("c", 9)]) == {"a", "b"}
    assert hide([("a", 4), ("b", 1), ("c", 9)]) == {"a", "b"}
    assert hide([("a", 5), ("b", 6)]) == set()
    assert hide([("a", 3)]) == {"a"}


@pytest.mark.clause("C17")
@pytest.mark.clause("C20")
@pytest.mark.both_databases
def test_a_text_is_opened_by_itself_and_noted(place, clock, enters):
    [(_, person), (_, other)] = answered(place, clock, 2, text=SECRET)
    staff, reader = enters(STAFF), enters(READER)
    with place.app_context():
        number = db.session.scalar(sa.select(Survey.id).where(Survey.person_id == person))
    listed = staff.get("/owner/surveys")
    refused = reader.post(f"/owner/surveys/{number}")

    opened = staff.post(f"/owner/surveys/{number}")

    assert SECRET not in listed.text
    assert f"/owner/surveys/{number}" not in reader.get("/owner/surveys").text
    assert refused.status_code == 403
    assert SECRET in opened.text
    assert "no-store" in opened.headers["Cache-Control"]
    assert read_of(place, person) == [(STAFF, SURVEY, 1)]
    assert read_of(place, other) == []
    with place.app_context():
        entry = db.session.scalars(sa.select(AuditEntry)).one()
        assert (entry.verb, entry.subject, entry.detail) == ("survey-read", number, {})


@pytest.mark.clause("C12")
@pytest.mark.clause("C20")
def test_numbers_stay_and_words_go_when_the_person_goes(place, clock, enters):
    people = answered(place, clock, 5, text=SECRET)
    person = people[0][1]
    with place.app_context():
        vault().destroy([person])
    staff = enters(STAFF)

    gone = staff.post("/owner/surveys/1")
    with place.app_context():
        db.session.execute(sa.update(Reservation).values(person_id=None, archived_at=clock()))
        db.session.execute(sa.delete(Person).where(Person.id == person))
        db.session.commit()
    page = staff.get("/owner/surveys")

    assert gone.status_code == 410
    assert SECRET not in gone.text
    assert "4.0 of 5 (answers: 5 or more)" in words(page)
    assert "/owner/surveys/1" not in page.text
    assert surveys_in(place)[0].person_id is None


def test_the_page_asks_the_same_however_much_was_answered(
    place,
    clock,
    enters,
    count_queries,
):
    staff = enters(STAFF)
    staff.get("/owner/surveys")
    with count_queries() as few:
        staff.get("/owner/surveys")
    answered(place, clock, 8, text=SECRET)
    with count_queries() as many:
        staff.get("/owner/surveys?question=again")

    assert len(many) <= len(few) <= 12
