"""Whoever asks about their own data sees by when they are answered, and nobody can forget it."""

import re
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import Account, Person, Reading
from app.booking.models import Reservation, VenueRow
from app.core import worker
from app.core.database import db
from app.core.vault import vault
from app.privacy import requests
from app.privacy.models import ACCESS, ERASE, OTHER, PrivacyRequest
from tests.accounts.ways import let_in, mails
from tests.house.visitor import EMAIL, NAME, reference_of
from tests.owner.house import words

pytestmark = pytest.mark.clause("C26")
PAGE, HOUSE = "/account/data/requests", "/owner/requests"
WISH = "Which of my stays do you still remember?"


@pytest.fixture
def guest(enters):
    """A guest with an account, signed in."""
    return enters("guest", "greta@post.example")


@pytest.fixture
def owner(enters):
    """The owner, signed in."""
    return enters("owner", "olga@house.example")


@pytest.fixture
def asked(guest):
    """A guest who has asked something, and the number of the request."""
    assert guest.post(PAGE, kind="access", words=WISH).status_code == 303
    return guest


def everything(app):
    """Return all requests, as they are in the book."""
    with app.app_context():
        found = db.session.scalars(sa.select(PrivacyRequest).order_by(PrivacyRequest.id)).all()
        vault().unlock([one.person_id for one in found if one.person_id])
        return [(one, one.words, one.answer) for one in found]


def works(app, clock):
    """Let a minute of the worker pass, and return the mails that are there."""
    assert requests.remind in worker._periodic
    with app.app_context():
        requests.remind(clock())
    return mails(app)


def to_guest(app, clock):
    """Return the newest mail to the guest, and what it says in one line."""
    mail = [mail for mail in works(app, clock) if mail["To"] == "greta@post.example"][-1]
    return " ".join(mail.get_content().split())


def to_house(app, clock):
    """Return the mails to the house, newest last."""
    with app.app_context():
        address = db.session.scalar(sa.select(VenueRow.email))
    return [mail for mail in works(app, clock) if address in mail["To"]]


# -- Whoever asks ---------------------------------------------------------------------------


def test_a_request_has_its_clock_at_once_and_is_confirmed_by_mail(place, clock, asked):
    page = asked.get(PAGE)
    mail = to_guest(place, clock)

    assert "See what is held about me" in words(page)
    assert WISH in words(page)
    assert "We answer by 5 June 2031 at the latest." in words(page)
    assert "by 5 June 2031 at the latest" in mail
    assert WISH not in mail


def test_what_is_missing_is_said_beside_the_field_and_what_was_typed_stays(guest):
    page = guest.post(PAGE, words=WISH)
    strange = guest.post(PAGE, kind="everything", words=WISH)

    assert page.status_code == strange.status_code == 422
    assert "Please choose what you ask for." in page.text
    assert "Please choose one from the list." in strange.text
    assert WISH in page.text


def test_only_who_is_signed_in_or_has_a_key_asks(place, client):
    stranger = client.get(PAGE)
    keyless = client.get("/data/AAAAAAAAAAAAAAAAAAAAAAAA/requests")

    assert stranger.status_code == 303
    assert "/account/sign-in" in stranger.location
    assert keyless.status_code == 404


def test_nobody_sees_anothers_requests(asked, enters):
    other = enters("guest", "other@post.example")

    assert WISH not in other.get(PAGE).text


def test_a_button_that_is_pressed_again_and_again_fills_nobodys_desk(place, guest):
    answers = [guest.post(PAGE, kind="access") for _ in range(requests.MOST_OPEN + 1)]

    assert {answer.status_code for answer in answers[:-1]} == {303}
    assert answers[-1].status_code == 409
    assert len(everything(place)) == requests.MOST_OPEN


def test_what_the_site_does_by_itself_is_answered_as_it_is_asked(place, clock, guest):
    with place.app_context():
        person_id = db.session.get(Account, guest.account_id).person_id
        requests.record(person_id, ACCESS, now=clock(), by_itself=True)
        db.session.commit()

    assert "Done by the site itself, at once, on 5 May 2031." in words(guest.get(PAGE))
    assert works(place, clock) == []


# -- The house ------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_the_house_sees_the_nearest_clock_first_and_what_is_overdue_marked(
    place, clock, asked, enters
):
    clock.move(timedelta(days=20))
    second = enters("guest", "second@post.example")
    second.post(PAGE, kind="move")
    clock.move(timedelta(days=13))
    owner = enters("owner", "olga@house.example")

    page, today = owner.get(HOUSE), owner.get("/owner/")

    rows = re.findall(r'href="/owner/requests/(\d+)"', page.text)
    assert rows == ["1", "2"]
    assert "<strong>overdue by 2 days</strong>" in page.text
    assert "18 days left" in page.text
    assert "2 requests about personal data wait" in words(today)
    assert "5 June 2031" in words(today)
    assert "overdue by 2 days" in words(today)


@pytest.mark.both_databases
def test_an_answer_is_sealed_mailed_and_shown(place, clock, asked, owner):
    answer = "Two stays, in March and in May."
    done = owner.post(f"{HOUSE}/1/answer", granted="yes", words=answer)
    mail = to_guest(place, clock)

    assert done.status_code == 303
    assert answer in mail
    assert answer in words(asked.get(PAGE))
    assert "Answered on 5 May 2031." in words(asked.get(PAGE))
    request, _, kept = everything(place)[0]
    assert (kept, request.granted) == (answer, True)
    assert answer.encode() not in request._answer
    assert owner.post(f"{HOUSE}/1/answer", granted="no", words="No.").status_code == 409


def test_a_refusal_says_why_and_how_to_complain(place, clock, asked, owner):
    silent = owner.post(f"{HOUSE}/1/answer", granted="no", words="")
    owner.post(f"{HOUSE}/1/answer", granted="no", words="You asked it last week.")
    mail = to_guest(place, clock)

    assert silent.status_code == 422
    assert "If you refuse, say why." in silent.text
    for said in (mail, words(asked.get(PAGE))):
        assert "You asked it last week." in said
        assert "complain to the data protection authority" in said


@pytest.mark.both_databases
def test_more_time_is_taken_once_with_a_reason_and_within_the_first_term(
    place, clock, asked, enters
):
    clock.set(clock().replace(month=6))  # the last day of the first term
    owner = enters("owner", "olga@house.example")

    without = owner.post(f"{HOUSE}/1/extend", reason="")
    taken = owner.post(f"{HOUSE}/1/extend", reason="Our books are at the accountant’s.")
    again = owner.post(f"{HOUSE}/1/extend", reason="Still.")

    mail = to_guest(place, clock)
    assert (without.status_code, taken.status_code, again.status_code) == (422, 303, 409)
    assert "Our books are at the accountant’s." in mail
    assert "by 5 August 2031 at the latest" in mail
    let_in(place, clock, asked.client, asked.account_id)  # a session is shorter than a month
    assert "We answer by 5 August 2031" in words(asked.get(PAGE))


def test_after_the_first_term_there_is_no_more_time(place, clock, asked, enters):
    clock.set(clock().replace(month=6, day=6))
    owner = enters("owner", "olga@house.example")

    late = owner.post(f"{HOUSE}/1/extend", reason="We forgot.")

    assert late.status_code == 409
    assert "The first term ended on 5 June 2031." in late.text
    assert "extend" not in owner.get(f"{HOUSE}/1").text


def test_what_came_by_letter_runs_from_the_day_on_which_it_came(place, clock, visitor, owner):
    reference = reference_of(visitor.book())
    entered = {"reference": reference.lower(), "kind": "correct", "words": "My name has an h."}

    tomorrow = owner.post(f"{HOUSE}/enter", **entered, came_on="2031-05-06")
    stranger = {**entered, "reference": "ZZZZZZZZ"}
    nobody = owner.post(f"{HOUSE}/enter", **stranger, came_on="2031-05-05")
    done = owner.post(f"{HOUSE}/enter", **entered, came_on="2031-04-30")

    confirmed = {mail["To"] for mail in works(place, clock)}
    request, said, _ = everything(place)[0]
    assert (tomorrow.status_code, nobody.status_code, done.status_code) == (422, 422, 303)
    assert "No reservation with a guest has this reference." in nobody.text
    assert (request.due_on, said) == (date(2031, 5, 30), "My name has an h.")
    assert f"{NAME} <{EMAIL}>" in confirmed


def test_the_owner_chooses_whose_clock_runs_and_those_that_run_go_on(place, asked, owner):
    chosen = owner.post(f"{HOUSE}/law", law="china", country="CN")
    asked.post(PAGE, kind="other", words="And now?")

    assert chosen.status_code == 303
    dues = [(one.law, one.due_on) for one, _, _ in everything(place)]
    assert dues == [("gdpr", date(2031, 6, 5)), ("china", date(2031, 5, 22))]
    assert "15 working days" in words(asked.get(PAGE))
    assert owner.post(f"{HOUSE}/2/extend", reason="Much to do.").status_code == 409
    assert owner.post(f"{HOUSE}/law", law="none", country="CN").status_code == 422


def test_staff_read_and_only_the_owner_answers(asked, enters):
    staff = enters("staff", "sam@house.example")
    page = staff.get(f"{HOUSE}/1")

    assert page.status_code == 200
    assert WISH in words(page)
    assert "/answer" not in page.text
    assert staff.post(f"{HOUSE}/1/answer", granted="yes", words="Yes").status_code == 403
    assert staff.post(f"{HOUSE}/law", law="china", country="CN").status_code == 403


@pytest.mark.clause("C17")
def test_who_reads_a_request_is_noted_for_whoever_asked(place, asked, owner):
    owner.get(f"{HOUSE}/1")

    with place.app_context():
        noted = db.session.execute(sa.select(Reading.what, Reading.role)).all()
        assert ("request", "owner") in {tuple(row) for row in noted}
    assert "what you asked about your own data" in words(asked.get("/account/readings"))


# -- None can be forgotten ------------------------------------------------------------------


def test_the_house_is_mailed_when_one_is_new_a_week_and_a_day_before_and_daily_when_late(
    place, clock, asked
):
    told, count = [], 0
    for day in range(36):
        for _ in range(2):  # however often the worker looks, each step is told once
            after = len(to_house(place, clock))
            told += [day] * (after - count)
            count = after
        clock.move(timedelta(days=1))

    # Asked on 5 May, to be answered on 5 June, which is day 31.
    assert told == [0, 24, 30, 32, 33, 34, 35]


def test_what_the_site_is_doing_by_itself_is_the_houses_to_know_only_near_its_term(
    place, clock, guest, enters
):
    with place.app_context():
        person_id = db.session.get(Account, guest.account_id).person_id
        request = requests.record(person_id, ERASE, now=clock(), by_itself=True)
        request.answered_at = request.granted = None  # it goes by itself, on its day
        db.session.commit()

    early = len(to_house(place, clock))
    said = words(guest.get(PAGE))
    clock.move(timedelta(days=24))
    today = words(enters("owner", "olga@house.example").get("/owner/"))

    assert (early, len(to_house(place, clock))) == (0, 1)
    assert "The site does this by itself, by 5 June 2031 at the latest." in said
    assert "7 days left" in today


def test_a_mail_to_the_house_names_nobody(place, clock, asked, owner):
    mail = to_house(place, clock)[-1]

    said = f"{mail['Subject']} {mail.get_content()}"
    assert "greta" not in said.lower()
    assert WISH not in said
    link = re.search(r"http://localhost(/owner/requests/\d+)", said)[1]
    assert owner.get(link).status_code == 200


def test_of_a_second_term_the_house_is_reminded_anew(place, clock, asked, enters):
    clock.move(timedelta(days=30))
    before = len(to_house(place, clock))
    owner = enters("owner", "olga@house.example")
    owner.post(f"{HOUSE}/1/extend", reason="Much to do.")
    after = len(to_house(place, clock))
    clock.set(clock().replace(month=7, day=29))  # a week before 5 August

    assert after == before
    assert len(to_house(place, clock)) == before + 1


def test_an_answered_request_is_quiet(place, clock, asked, owner):
    owner.post(f"{HOUSE}/1/answer", granted="yes", words="Here it is.")
    clock.move(timedelta(days=60))

    assert to_house(place, clock) == []


@pytest.mark.both_databases
def test_an_erased_persons_request_stays_as_a_number(context, clock):
    with context.app_context():
        person_id = stranger(clock())
        requests.record(person_id, OTHER, words=WISH, now=clock())
        requests.record(person_id, ERASE, by_itself=True, now=clock())
        db.session.commit()
        db.session.execute(sa.text("DELETE FROM person"))
        db.session.commit()
        vault().destroy([person_id])
        requests.remind(clock())

    with context.app_context():
        kept = db.session.scalars(sa.select(PrivacyRequest).order_by(PrivacyRequest.id)).all()
        assert [(one.person_id, one.kind) for one in kept] == [(None, OTHER), (None, ERASE)]
        assert all(one.answered_at for one in kept)
        assert requests.waiting() == []


def stranger(now):
    """Return the id of somebody of whom nothing is known."""
    person = Person(id=vault().new_person(), created_at=now)
    db.session.add(person)
    db.session.commit()
    return person.id


def test_reservations_are_named_beside_a_request_and_lead_there(place, visitor, owner):
    reference = reference_of(visitor.book())
    with place.app_context():
        person_id = db.session.scalar(sa.select(Reservation.person_id))
        requests.record(person_id, OTHER, now=place.extensions["clock"]())
        db.session.commit()

    assert f"/owner/reservations/{reference}" in owner.get(f"{HOUSE}/1").text
