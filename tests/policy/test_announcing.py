"""What everybody must know is one line on every page, in their language, while it is so."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.core.database import db
from app.core.languages import N_
from app.policy import announcing
from app.policy.notice_models import Announcement
from tests.conftest import MORNING

CLOSING = announcing.kind("test-line", N_("We close on %(day)s."), gravity=announcing.GRAVE)
NEWS = announcing.kind("test-news", N_("There is news, %(num)s times."), gravity=announcing.CALM)


def announce(app, code="closing", kind=CLOSING, *, since=MORNING, until=None, **facts):
    """Have a line announced, as a verb of the house does."""
    with app.app_context():
        announcing.announce(
            code,
            kind,
            url=("policy.show_privacy", {}),
            since=since,
            until=until,
            now=MORNING,
            **(facts or {"day": date(2031, 9, 30)}),
        )
        db.session.commit()


def lines(page):
    """Return the lines above the content of a page."""
    soup = BeautifulSoup(page.data, "html5lib")
    return [" ".join(line.get_text(" ").split()) for line in soup.select("section.told p")]


@pytest.mark.clause("C13")
@pytest.mark.parametrize("path", ["/", "/search", "/cookies", "/account/sign-in", "/nowhere"])
def test_a_line_is_on_every_page_errors_too(place, client, path):
    announce(place)

    page = client.get(path)

    soup = BeautifulSoup(page.data, "html5lib")
    assert lines(page) == ["We close on 30 September 2031. What this means for you"]
    assert soup.select_one("section.told a")["href"].startswith("/privacy")
    assert soup.select_one("section.told").find_next("main") is not None
    assert "Set-Cookie" not in page.headers


@pytest.mark.clause("C13")
def test_a_line_is_on_the_owners_pages_too(place, owner):
    announce(place)

    assert lines(owner.get("/owner/")) == ["We close on 30 September 2031. What this means for you"]


@pytest.mark.clause("C13")
@pytest.mark.parametrize(("lang", "day"), [("de", "30. September 2031"), ("zh", "2031年9月30日")])
def test_its_facts_are_in_the_readers_language(place, client, lang, day):
    announce(place)

    assert day in lines(client.get(f"/?lang={lang}"))[0]


@pytest.mark.clause("C13")
def test_a_kept_page_and_its_tag_follow_it_at_once_and_when_its_time_is_over(place, client, clock):
    before = client.get("/")
    again = client.get("/", headers={"If-None-Match": before.headers["ETag"]})

    announce(place, until=MORNING + timedelta(hours=1))
    changed = client.get("/", headers={"If-None-Match": before.headers["ETag"]})
    clock.move(timedelta(hours=1))
    over = client.get("/", headers={"If-None-Match": before.headers["ETag"]})

    assert (again.status_code, changed.status_code, over.status_code) == (304, 200, 304)
    assert len(lines(changed)) == 1


@pytest.mark.clause("C13")
def test_what_another_process_announces_is_on_every_page_within_seconds(place, client, clock):
    client.get("/")
    with place.app_context():
        # As another process does, whose memory isn't this one's.
        db.session.execute(
            sa.insert(Announcement).values(
                code="elsewhere",
                kind=NEWS,
                since=MORNING,
                until=None,
                facts={"num": 3},
                endpoint="policy.show_privacy",
                endpoint_values={},
            )
        )
        db.session.commit()

    clock.move(announcing.FRESH)

    assert lines(client.get("/")) == ["There is news, 3 times. What this means for you"]


def test_the_gravest_stands_first_and_one_that_has_ended_or_not_begun_is_not_there(place, client):
    announce(place, "news", NEWS, num=2)
    announce(place)
    announce(place, "later", NEWS, since=MORNING + timedelta(days=1), num=4)
    announce(place, "former", NEWS, num=5)
    with place.app_context():
        announcing.end("former", now=MORNING)
        db.session.commit()

    assert [line[:8] for line in lines(client.get("/"))] == ["We close", "There is"]


def test_announcing_a_code_again_changes_its_line(place, client):
    announce(place)
    announce(place, day=date(2031, 10, 31))

    assert [line[:31] for line in lines(client.get("/"))] == ["We close on 31 October 2031. Wh"]


def test_what_is_taken_back_before_the_commit_was_never_said(place, client):
    with place.app_context():
        announcing.announce(
            "closing", CLOSING, url=("policy.show_privacy", {}), since=MORNING, until=None,
            now=MORNING, day=date(2031, 9, 30),
        )  # fmt: skip
        db.session.rollback()

    assert lines(client.get("/")) == []


def test_pages_ask_for_it_once_in_a_few_seconds(place, client, count_queries, clock):
    client.get("/nowhere")
    with count_queries() as sent:
        client.get("/nowhere")
        client.get("/")
    clock.move(announcing.FRESH)
    with count_queries() as later:
        client.get("/nowhere")

    assert [one for one in sent if "announcement" in one] == []
    assert len([one for one in later if "announcement" in one]) == 1


def test_a_kind_that_nobody_registered_or_a_fact_that_is_missing_is_refused(context):
    told = {"url": ("policy.show_privacy", {}), "since": MORNING, "until": None, "now": MORNING}

    with pytest.raises(KeyError):
        announcing.announce("a", "never heard of", **told)
    with pytest.raises(KeyError):
        announcing.announce("a", CLOSING, **told)
    with pytest.raises(TypeError):
        announcing.announce("a", CLOSING, **told, day=object())
    with pytest.raises(ValueError, match="two kinds"):
        announcing.kind("test-line", "Something else")


def test_facts_are_worded_when_they_are_shown(context):
    from app.core.languages import use_language
    from app.policy.facts_kept import keep, plainly, worded

    kept = keep(
        {
            "day": date(2031, 5, 5),
            "at": datetime(2031, 5, 5, 8, 0, tzinfo=UTC),
            "name": {"en": "Boathouse", "de": "Bootshaus"},
            "num": 3,
        }
    )

    with use_language("de"):
        assert worded(kept) == {
            "day": "5. Mai 2031", "at": "5 Mai 2031, 08:00 UTC", "name": "Bootshaus", "num": "3",
        }  # fmt: skip
    assert plainly(kept)["day"] == date(2031, 5, 5)
    assert plainly(kept)["at"] == datetime(2031, 5, 5, 8, 0, tzinfo=UTC)
