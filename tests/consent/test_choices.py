"""An answer counts for six months, yes and no alike; nobody but the server can make one (C09)."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from app import create_app
from app.consent import notice, register
from app.consent.canonical import canonical, digest_of
from app.consent.choices import Choice, _signature, from_cookie, mark_of, to_cookie
from app.consent.models import NoticeText
from app.consent.register import ABOUT, CHOICE, inventory
from app.core.database import db
from app.core.languages import LANGUAGES, use_language
from app.web.cookies import OPTIONAL
from tests.conftest import MORNING, _let_go
from tests.consent.answers import answer, choice_in, grants, jar, note_something, noted, records
from tests.house.visitor import Visitor

pytestmark = pytest.mark.clause("C09")

SECRET = b"s" * 32
P, S, G = OPTIONAL


def asked(client, address="/contact"):
    """Return the categories that the banner asks about; () where there is none."""
    page = Visitor(client.application)
    page.client = client
    soup = page.open(address).soup
    banner = soup.select_one(".asking form")
    if banner is None:
        return ()
    about = [str(one["value"]) for one in banner.select("[name=about]")]
    return tuple(about) or OPTIONAL


@pytest.fixture
def changeable(monkeypatch):
    """Let a test change what a category is about, as a release would."""

    def change(category, **facts):
        monkeypatch.setitem(ABOUT, category, replace(ABOUT[category], **facts))
        inventory.cache_clear()
        notice._present.cache_clear()

    yield change
    monkeypatch.undo()
    inventory.cache_clear()
    notice._present.cache_clear()


# -- Six months -----------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["accept", "refuse", "custom"])
@pytest.mark.parametrize(
    "made_at",
    [
        MORNING,
        datetime(2031, 8, 31, 12, tzinfo=UTC),  # six months on there is no 31st
        datetime(2031, 9, 1, 0, 0, 1, tzinfo=UTC),
    ],
)
def test_it_is_asked_again_after_six_months_and_not_a_day_before(place, clock, said, made_at):
    client = place.test_client()
    clock.set(made_at)
    before = asked(client)

    answer(client, said, statistics="on")
    clock.set(made_at + relativedelta(months=5, days=29 - 1))
    still = asked(client)
    clock.set(made_at + relativedelta(months=6) - timedelta(seconds=1))
    last = asked(client)
    clock.set(made_at + relativedelta(months=6))
    again = asked(client)
    clock.set(made_at + relativedelta(months=6, days=1))

    assert (before, still, last, again, asked(client)) == (OPTIONAL, (), (), OPTIONAL, OPTIONAL)


@pytest.mark.parametrize("said", ["accept", "refuse"])
def test_the_cookie_lives_exactly_as_long_as_the_answer_counts(place, clock, said):
    page = answer(place.test_client(), said)

    [sent] = [one for one in page.headers.getlist("Set-Cookie") if one.startswith("choice=")]
    days = (MORNING + relativedelta(months=6) - MORNING).days
    assert f"Max-Age={days * 86400};" in f"{sent};"
    assert days * 86400 <= CHOICE.seconds


@given(st.integers(1_800_000_000, 4_000_000_000))
def test_no_answer_outlives_its_cookies_declared_life(seconds):
    made_at = datetime.fromtimestamp(seconds, UTC)
    choice = Choice("r" * 22, made_at, dict.fromkeys(OPTIONAL, ""))

    assert timedelta(0) < choice.until - choice.made_at <= timedelta(seconds=CHOICE.seconds)


def test_looking_around_is_no_answer(place):
    client = place.test_client()
    for _ in range(10):
        assert asked(client, "/search") == OPTIONAL

    assert jar(client) == {}
    assert records(place) == []
    assert grants(place) == []


# -- The cookie -----------------------------------------------------------------------------


answers_given = st.dictionaries(st.sampled_from(OPTIONAL), st.sampled_from(["", "0123abcd"]))


@given(answers=answers_given, over=st.booleans(), marked=st.sets(st.sampled_from(OPTIONAL)))
def test_a_cookie_is_read_as_it_was_written(answers, over, marked):
    marks = {c: mark_of(c) for c in marked if c in answers}
    choice = Choice("r-_" * 7 + "x", MORNING, answers, over, marks)

    value = to_cookie(choice, SECRET)

    assert from_cookie(value, SECRET, now=MORNING) == choice
    assert len(value) < 200


@given(data=st.data())
def test_one_sign_changed_is_no_answer(data):
    value = to_cookie(Choice("r" * 22, MORNING, {P: "", S: inventory(S)}), SECRET)
    at = data.draw(st.integers(0, len(value) - 1))
    sign = data.draw(st.characters(codec="latin-1"))

    forged = value[:at] + sign + value[at + 1 :]

    assert forged == value or from_cookie(forged, SECRET, now=MORNING) is None
    assert from_cookie(value[:at], SECRET, now=MORNING) is None
    assert from_cookie(value + sign, SECRET, now=MORNING) is None


@pytest.mark.parametrize(
    "value", ["", ".", "1", "1.r.0..n.", "1.r.0..n.AAAA", "é", "a" * 3000, "..." * 20, '"', "\x00"]
)
def test_made_up_cookies_are_no_answer(place, value):
    client = place.test_client()
    client.set_cookie("choice", value, domain="localhost")

    assert asked(client) == OPTIONAL
    assert from_cookie(value, SECRET, now=MORNING) is None


def test_a_cookie_that_another_site_signed_is_no_answer(place, settings, clock):
    other = create_app(replace(settings, secret_key=b"another: " + b"x" * 32), clock=clock)
    client, abroad = place.test_client(), other.test_client()
    answer(abroad, "accept")
    _let_go(other)

    client.set_cookie("choice", jar(abroad)["choice"], domain="localhost")

    assert asked(client) == OPTIONAL


@pytest.mark.parametrize(
    "said", ["2.r.1.p0.n", "1.r.1.x0.n", "1.r.1.p0", "1.r.soon.p0.n", "1.r.1.p0.n.more"]
)
def test_one_of_ours_in_another_releases_spelling_is_asked_again(place, said):
    value = f"{said}.{_signature(said, SECRET)}"

    assert from_cookie(value, SECRET, now=datetime.fromtimestamp(1, UTC)) is None


def test_an_answer_given_at_a_machine_seconds_ahead_counts_here(clock):
    value = to_cookie(Choice("r" * 22, MORNING + timedelta(seconds=20), {P: ""}), SECRET)

    assert from_cookie(value, SECRET, now=MORNING)
    assert from_cookie(value, SECRET, now=MORNING - timedelta(hours=1)) is None


# -- What has changed since -------------------------------------------------------------------


def test_better_words_ask_nobody_again(place, changeable, monkeypatch):
    client = place.test_client()
    answer(client, "accept")

    monkeypatch.setattr(notice, "NUMBER", notice.NUMBER + 1)
    changeable(S, title="Numbers", short="We count.", purposes=("Counting",), kept="Here.")

    assert asked(client) == ()
    assert choice_in(place, client, MORNING).granted == frozenset(OPTIONAL)


@pytest.mark.parametrize("facts", [{"data": ("page", "shoe_size")}, {"server_months": 25}])
def test_a_changed_inventory_asks_again_for_that_category_alone(
    place, clock, changeable, monkeypatch, facts
):
    client = place.test_client()
    answer(client, "accept")
    monkeypatch.setitem(notice.DATA, "shoe_size", "The size of your shoes")

    changeable(S, **facts)
    question = asked(client)
    now = choice_in(place, client, MORNING)
    answer(client, "accept", about=S.value)

    assert question == (S,)
    assert now.granted == {P, G}
    assert asked(client) == ()
    assert choice_in(place, client, MORNING).granted == frozenset(OPTIONAL)
    assert len(records(place)) == 2


def test_a_changed_inventory_asks_nobody_who_said_no(place, changeable):
    some, none = place.test_client(), place.test_client()
    answer(some, "custom", suggestions="on")
    answer(none, "refuse")

    changeable(S, data=("page",))

    assert asked(some) == asked(none) == ()


def test_until_it_is_answered_nothing_is_added_and_nothing_lost(place, clock, changeable):
    client = place.test_client()
    answer(client, "accept")
    note_something(place, clock())
    kept = noted(place)

    changeable(S, data=("page",))
    client.get("/contact")
    waiting = (noted(place), "statistics" in jar(client))
    answer(client, "refuse", about=S.value)

    assert waiting == (kept, True)
    assert grants(place) == ["suggestions"]
    assert "statistics" not in jar(client)
    assert noted(place) == kept // 2


def test_a_yes_covers_only_what_stood_in_the_question_that_was_answered(place, changeable):
    client = place.test_client()
    with place.test_request_context():
        old = notice.present_digest()
    answer(client, "refuse", notice=old)

    changeable(S, data=("page",))
    answer(client, "accept", notice=old)

    assert choice_in(place, client, MORNING).granted == {P, G}
    assert asked(client) == (S,)
    assert grants(place) == ["suggestions"]
    assert register.inventory(S) not in str(records(place)[-1])


def test_a_question_is_found_by_its_digest_in_every_language_and_after_it_has_changed(
    place, changeable
):
    with place.test_request_context():
        shown = []
        for language in LANGUAGES:
            with use_language(language):
                shown.append(notice.present())
        found = [notice.named(one.digest) for one in shown]
        notice.record(shown[0], now=MORNING)
        db.session.commit()

        changeable(S, data=("page",))

        assert found == shown
        assert notice.named(shown[0].digest) == shown[0]
        assert notice.named(shown[1].digest) is None
        assert notice.named("0" * 64) is None


def test_a_question_of_another_release_is_still_shown_and_not_answered(context):
    parsed = json.loads(notice.present().text)
    del parsed["lead"], parsed["parts"][1]["data"]
    parsed["weather"] = "fine"
    text = canonical(parsed)
    values = {"digest": digest_of(text), "language": "en", "number": 1, "text": text}
    db.session.add(NoticeText(**values, first_shown_at=MORNING))
    db.session.flush()

    shown = notice.from_text(parsed)

    assert (shown.lead, shown.parts[1].data) == ("", ())
    assert shown.title == parsed["title"]
    assert notice.named(values["digest"]) is None
