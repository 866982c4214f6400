"""What the server may note hangs on a living grant: nothing forged, planted or replayed has one."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import current_app

from app.accounts.models import Person
from app.consent import chain, frame, notice
from app.consent.frame import Permission, permission
from app.consent.models import Grant
from app.core.database import db
from app.core.languages import LANGUAGES, use_language
from app.core.sweeps import named
from app.core.tokens import digest_of_token
from app.web.cookies import OPTIONAL, Category
from tests.consent.answers import (
    GPC,
    OWN,
    answer,
    choice_in,
    decided,
    faults,
    grants,
    jar,
    note_something,
    noted,
    records,
)
from tests.consent.test_chain import at_once

pytestmark = pytest.mark.clause("C09")

P, S, G = OPTIONAL


@pytest.fixture
def permitted(place):
    """Ask for a permission as a page does: `permitted(client)` says what it got."""
    found = {}

    def look():
        found.clear()
        for category in (S, G):
            allowed = permission(category)
            found[category] = allowed.token_digest if allowed else None
        return "looked"

    place.add_url_rule("/look", view_func=look)

    def permitted(client, **options):
        assert client.get("/look", **options).text == "looked"
        return dict(found)

    return permitted


def plant(client, cookies, *names):
    for name in names or cookies:
        client.set_cookie(name, cookies[name], domain="localhost")


def living(app, token_digest):
    with app.app_context():
        return db.session.scalar(sa.select(Grant.id).where(Grant.token_digest == token_digest))


# -- Yes and no -----------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_yes_makes_a_grant_and_a_no_ends_it_with_all_that_was_noted(place, clock, permitted):
    client = place.test_client()
    answer(client, "accept")
    note_something(place, clock())
    allowed = permitted(client)
    before = (grants(place), noted(place))

    answer(client, "refuse")

    assert before == (["statistics", "suggestions"], 4)
    assert all(allowed.values())
    assert (grants(place), noted(place), sorted(jar(client))) == ([], 0, ["choice"])
    assert permitted(client) == {S: None, G: None}
    assert faults(place, clock()) == []


def test_one_category_is_withdrawn_without_the_others(place, clock):
    client = place.test_client()
    answer(client, "accept")
    note_something(place, clock())

    answer(client, "refuse", about="statistics")

    assert (grants(place), noted(place)) == (["suggestions"], 2)
    assert sorted(jar(client)) == ["choice", "suggestions"]
    assert choice_in(place, client, clock()).granted == {P, G}


@pytest.mark.both_databases
def test_a_yes_that_is_given_again_keeps_its_lines(place, clock):
    client = place.test_client()
    answer(client, "accept")
    note_something(place, clock())
    before = jar(client)
    clock.move(timedelta(days=30))

    answer(client, "accept")

    assert noted(place) == 4
    assert jar(client)["statistics"] == before["statistics"]
    assert jar(client)["choice"] != before["choice"]
    with place.app_context():
        until = db.session.scalars(sa.select(Grant.expires_at)).all()
    assert set(until) == {choice_in(place, client, clock()).until}


def test_the_database_keeps_no_number_that_a_thief_could_use(place, instance):
    client = place.test_client()
    answer(client, "accept")

    stored = b"".join(file.read_bytes() for file in instance.glob("*.db*"))

    for name in ("statistics", "suggestions"):
        assert jar(client)[name].encode() not in stored
        assert digest_of_token(jar(client)[name]) in stored
    assert jar(client)["choice"].encode() not in stored


def test_a_permission_cannot_be_made_by_hand():
    with pytest.raises(TypeError):
        Permission(object(), S, b"")


def test_grants_that_ran_out_go_with_what_hangs_on_them(place, clock):
    client = place.test_client()
    answer(client, "accept")
    note_something(place, clock())
    until = choice_in(place, client, clock()).until

    with place.app_context():
        early = named("grants").carry_out(until - timedelta(seconds=1))
        ended = named("grants").carry_out(until)

    assert (early, ended, noted(place)) == (0, 2, 0)


# -- From elsewhere -------------------------------------------------------------------------

ELSEWHERE = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Referer": "https://evil.example/"},
)


@pytest.mark.clause("C14")
@pytest.mark.parametrize("headers", ELSEWHERE)
@pytest.mark.parametrize("choice", ["accept", "refuse"])
def test_an_answer_from_another_site_changes_nothing(place, clock, headers, choice):
    client = place.test_client()
    answer(client, "custom", statistics="on")
    note_something(place, clock())
    before = (jar(client), records(place), grants(place), noted(place))

    page = client.post("/cookies", data={"choice": choice}, headers=headers)

    assert page.status_code == 403
    assert page.headers.getlist("Set-Cookie") == []
    assert (jar(client), records(place), grants(place), noted(place)) == before
    assert 'class="asking"' not in page.text


def test_the_page_that_refuses_a_form_knows_the_signal_too(place):
    page = place.test_client().post(
        "/cookies", data={"choice": "accept"}, headers={**GPC, "Origin": "https://evil.example"}
    )

    assert page.status_code == 403
    assert 'class="asked"' in page.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_a_form_that_was_sent_is_an_answer(place, method):
    client = place.test_client()

    client.open("/cookies?choice=accept&statistics=on", method=method, headers=OWN)
    client.open("/cookies/answered?choice=accept", method=method, headers=OWN)

    assert (records(place), jar(client), grants(place)) == ([], {}, [])


@pytest.mark.parametrize("choice", ["", "yes", "ACCEPT", "accept ", "refuse,accept"])
def test_what_is_no_answer_is_none(place, choice):
    client = place.test_client()

    page = answer(client, choice)

    assert page.status_code == 422
    assert (records(place), jar(client), grants(place)) == ([], {}, [])


def test_a_question_about_nothing_that_there_is_is_no_question_about_everything(place):
    client = place.test_client()

    page = answer(client, "accept", about="weather")

    assert page.status_code == 422
    assert (records(place), jar(client), grants(place)) == ([], {}, [])


@pytest.mark.parametrize("digest", ["0" * 64, "x", "'"])
def test_a_yes_to_a_question_that_nobody_asked_is_none_and_a_no_is_one(place, digest):
    client = place.test_client()

    yes = answer(client, "accept", notice=digest)
    after_yes = (records(place), jar(client), grants(place))
    no = answer(client, "refuse", notice=digest)

    assert (yes.status_code, after_yes) == (409, ([], {}, []))
    assert (no.status_code, len(records(place))) == (303, 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_question_that_is_recorded_is_the_one_that_was_read(place, language):
    client = place.test_client()
    with place.test_request_context(), use_language(language):
        read = notice.present_digest()

    answer(client, "accept", notice=read, headers={"Accept-Language": "en"})

    assert records(place)[-1]["notice"]["digest"] == read
    assert records(place)[-1]["notice"]["language"] == language


def test_too_many_answers_are_stopped_and_leave_no_cookie(place):
    client = place.test_client()
    for _ in range(200):
        answer(place.test_client(), "refuse")

    page = answer(client, "accept")

    assert page.status_code == 429
    assert page.headers.getlist("Set-Cookie") == []
    assert (len(records(place)), jar(client), grants(place)) == (200, {}, [])


def test_an_answer_that_could_not_be_written_down_is_none(place, monkeypatch):
    client = place.test_client()

    def fail():
        raise sa.exc.OperationalError("COMMIT", {}, Exception("the disk is full"))

    monkeypatch.setattr(db.session, "commit", fail)
    page = answer(client, "accept")
    monkeypatch.undo()

    assert page.status_code == 503
    assert page.headers.getlist("Set-Cookie") == []
    assert (records(place), jar(client), grants(place)) == ([], {}, [])


# -- Planted and replayed ---------------------------------------------------------------------


def test_an_old_yes_replayed_after_withdrawal_permits_nothing_that_lives(place, clock, permitted):
    client = place.test_client()
    answer(client, "accept")
    old = jar(client)
    answer(client, "refuse")

    plant(client, old)
    allowed = permitted(client)

    assert [living(place, one) for one in allowed.values()] == [None, None]
    assert grants(place) == []


@pytest.mark.both_databases
def test_an_old_yes_replayed_does_not_come_alive_by_answering_about_something_else(
    place, clock, permitted
):
    client = place.test_client()
    answer(client, "accept")
    old = jar(client)
    answer(client, "refuse")

    plant(client, old)
    answer(client, "accept", about="suggestions")

    assert grants(place) == ["suggestions"]
    assert S not in choice_in(place, client, clock()).granted


@pytest.mark.parametrize("named", ["statistics", "suggestions"])
def test_a_number_planted_before_the_yes_is_not_what_this_visitor_is_noted_under(
    place, clock, permitted, named
):
    thief, visitor = place.test_client(), place.test_client()
    answer(thief, "accept")
    stolen = jar(thief)[named]

    visitor.set_cookie(named, stolen, domain="localhost")
    answer(visitor, "accept")

    assert jar(visitor)[named] != stolen
    assert digest_of_token(stolen) not in permitted(visitor).values()


def test_a_number_planted_over_ones_own_is_not_noted_under_either(place, permitted):
    thief, visitor = place.test_client(), place.test_client()
    answer(thief, "accept")
    answer(visitor, "accept")

    plant(visitor, jar(thief), "statistics", "suggestions")

    assert permitted(visitor) == {S: None, G: None}
    assert all(permitted(thief).values())


def test_a_number_planted_over_ones_own_is_not_carried_over(place, clock, permitted):
    thief, visitor = place.test_client(), place.test_client()
    answer(thief, "accept")
    answer(visitor, "accept")
    stolen = jar(thief)

    plant(visitor, stolen, "statistics", "suggestions")
    answer(visitor, "accept")
    theirs = set(permitted(visitor).values())

    assert theirs.isdisjoint(permitted(thief).values())
    assert None not in theirs
    assert all(permitted(thief).values())
    assert len(grants(place)) == 4


def test_somebody_elses_number_cannot_be_ended_without_having_it(place, clock):
    one, other = place.test_client(), place.test_client()
    answer(one, "accept")
    note_something(place, clock())

    other.set_cookie("statistics", "guess", domain="localhost")
    answer(other, "refuse")
    answer(other, "accept")
    other.get("/contact", headers=GPC)

    assert noted(place) == 4


def test_the_verb_itself_carries_over_only_what_hangs_on_the_choice_before(context, clock):
    thief = decided(clock(), statistics=True)
    victim = decided(clock(), statistics=True)
    mixed = replace(victim, tokens=thief.tokens)

    after = decided(clock(), mixed, statistics=True)

    assert after.tokens[S] not in (thief.tokens[S], victim.tokens[S])
    assert after.choice.marks_as_its_own(S, after.tokens[S])
    assert not after.choice.marks_as_its_own(S, thief.tokens[S])
    assert not after.choice.marks_as_its_own(G, "")


def test_a_number_of_one_category_is_none_of_another(context, clock):
    both = decided(clock(), statistics=True, suggestions=True)
    crossed = replace(both, tokens={S: both.tokens[G], G: both.tokens[S]})

    after = decided(clock(), crossed, statistics=True, suggestions=True)

    assert set(after.tokens.values()).isdisjoint(both.tokens.values())
    assert db.session.scalar(sa.select(sa.func.count(Grant.id))) == 2


def test_a_number_whose_choice_was_deleted_is_ended_with_what_was_noted(place, clock):
    client = place.test_client()
    answer(client, "accept")
    note_something(place, clock())

    client.delete_cookie("choice", domain="localhost")
    client.get("/contact")

    assert (grants(place), noted(place), jar(client)) == ([], 0, {})


def test_a_made_up_number_takes_no_write_lock(place, count_queries):
    client = place.test_client()
    client.get("/contact")
    client.set_cookie("statistics", "made-up", domain="localhost")

    with count_queries() as sent:
        client.get("/contact")

    assert [one for one in sent if not one.startswith("SELECT")] == []


# -- Persons --------------------------------------------------------------------------------


def test_a_grant_of_one_person_does_not_become_anothers(context, clock):
    for person in ("anna", "bert"):
        db.session.add(Person(id=person, created_at=clock()))
    db.session.flush()
    annas = decided(clock(), person_id="anna", statistics=True)

    again = decided(clock(), annas, person_id="anna", statistics=True)
    berts = decided(clock(), again, person_id="bert", statistics=True)

    assert again.tokens == annas.tokens
    assert berts.tokens != annas.tokens
    assert db.session.scalars(sa.select(Grant.person_id)).all() == ["bert"]


# -- At once --------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.parametrize("answers", [("accept", "refuse"), ("accept", "accept")])
def test_answers_that_one_browser_gives_at_once_break_nothing(
    place, settings, clock, answers, database
):
    client = place.test_client()
    answer(client, "accept")
    held = jar(client)

    def press(number):
        other = current_app.test_client()
        plant(other, held)
        page = answer(other, answers[number % 2])
        return page.status_code, jar(other)

    pressed = at_once(settings, clock, 6, press)

    assert {status for status, _ in pressed} == {303}
    assert faults(place, clock()) == []
    assert len(records(place)) == 7
    for category in set(grants(place)):
        assert grants(place).count(category) <= 6
    with place.app_context():
        lost = sa.select(sa.func.count(Grant.id)).where(
            Grant.token_digest.in_(
                [digest_of_token(held[one]) for one in ("statistics", "suggestions")]
            )
        )
        # Of several yeses at most one goes on with the number that they all had.
        assert db.session.scalar(lost) <= 2


@pytest.mark.both_databases
def test_what_is_withdrawn_does_not_come_back_by_an_answer_given_at_the_same_moment(
    app, settings, clock
):
    with app.app_context():
        before = decided(clock(), statistics=True, suggestions=True)

    def press(number):
        decided(clock(), before, **({"statistics": False} if number else {"suggestions": True}))

    for _ in range(3):
        at_once(settings, clock, 4, press)

    assert "statistics" not in grants(app)
    assert faults(app, clock()) == []


# -- The chain and the frame agree ---------------------------------------------------------------


def test_each_answer_has_exactly_one_entry(place, clock):
    client = place.test_client()
    for turn, said in enumerate(["accept", "refuse", "custom", "accept"], start=1):
        answer(client, said)
        assert len(records(place)) == turn
        receipt_id = choice_in(place, client, clock()).receipt_id
        assert records(place)[-1]["record_id"] == receipt_id

    assert faults(place, clock()) == []


def test_the_marks_are_no_part_of_the_record(place):
    client = place.test_client()
    answer(client, "accept")

    said = str(records(place))

    for name in ("statistics", "suggestions"):
        assert jar(client)[name] not in said
        assert digest_of_token(jar(client)[name]).hex()[:8] not in said


def test_a_page_outside_any_request_has_nobodys_answer(place):
    with place.app_context():
        assert frame._context()["consent"] == frame.Consent()
        assert chain.head().position == 0
        assert Category.NECESSARY not in frame.Consent().granted
