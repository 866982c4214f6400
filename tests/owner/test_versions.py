"""The owner writes, compares, publishes and takes back versions; staff read; nothing is lost."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.accounts.models import Account
from app.core.audit import AuditEntry
from app.core.database import db
from app.core.languages import LANGUAGES
from app.policy import drafts
from app.policy.documents import current, standings
from app.policy.models import PRIVACY, Agreement, DocumentVersion
from tests.accounts.ways import let_in, mails, make_guest
from tests.house.visitor import Visitor
from tests.owner.house import words
from tests.policy.documents_written import SUMMARY, published, ready

pytestmark = pytest.mark.clause("C25")

MORE = "\n\nFrom now on we keep less of it.\n"


def fields(page, action=None):
    """Return what a page's form in the main part would send, as it stands."""
    soup = BeautifulSoup(page.text, "html.parser").main
    form = soup.find("form", action=action) if action else soup.find_all("form", method="post")[-1]
    found = {one["name"]: one.get("value", "") for one in form.find_all("input")}
    return found | {one["name"]: one.text.lstrip("\r\n") for one in form.find_all("textarea")}


def start(owner, begin="in_force", document=PRIVACY):
    """Begin a draft by its form and return its address."""
    page = owner.get("/owner/versions")
    token = fields(page, "/owner/versions/start")["csrf_token"]
    answer = owner.post(
        "/owner/versions/start",
        data={"csrf_token": token, "document": document, "begin": begin},
    )
    assert answer.status_code == 303
    return answer.location


def write(owner, address, language, *, more=MORE, **typed):
    """Write one language as its page is, with some more words and a sentence about them."""
    page = owner.get(f"{address}/{language}")
    sent = fields(page)
    sent["text"] += more
    sent["summary"] = SUMMARY[language]
    return owner.post(f"{address}/{language}", data={**sent, **typed})


def verbs(app):
    with app.app_context():
        return [one.verb for one in db.session.scalars(sa.select(AuditEntry))]


def versions(app):
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(DocumentVersion))


def test_a_reader_finds_nothing_staff_read_and_only_owners_write(place, enters, owner):
    address = start(owner)
    staff, reader = enters("staff"), enters("reader")

    assert reader.get("/owner/versions").status_code == 403
    assert staff.get("/owner/versions").status_code == 200
    assert staff.get(address).status_code == 200
    assert staff.get(f"{address}/en/preview").status_code == 200
    for path in (f"{address}/en", f"{address}/publish", f"{address}/throw-away"):
        assert staff.get(path).status_code == 403
        assert staff.post(path, text="x").status_code == 403
    assert staff.post("/owner/versions/start", document="terms", begin="shipped").status_code == 403


def test_what_cannot_be_published_is_refused_beside_its_field_and_kept(owner):
    address = start(owner)

    answer = write(owner, address, "en", more="\n\nWe keep it for 35 minutes.\n")

    assert answer.status_code == 422
    assert "Please use a fact in place of a typed number" in words(answer)
    assert "35 minutes." in fields(answer)["text"]
    assert fields(answer)["summary"] == SUMMARY["en"]


def test_a_fact_that_there_is_not_is_said_and_those_that_there_are_stand_below(owner):
    address = start(owner)

    answer = write(owner, address, "en", more="\n\nThe weather will be {weather}.\n")

    assert answer.status_code == 422
    assert "no fact called {weather}" in words(answer)
    assert "{hold_time}" in words(answer)


def test_the_preview_reads_as_visitors_will_with_its_facts(owner):
    address = start(owner)
    write(owner, address, "en", more="\n\nWe hold it for {hold_time}.\n")

    preview, beside = (owner.get(f"{address}/en/preview{q}") for q in ("", "?compare=1"))

    assert "We hold it for 35 minutes." in words(preview)
    assert "1 part is new" in words(beside)


def test_two_owners_who_write_at_once_lose_nothing(place, owner, enters):
    address = start(owner)
    other = enters("owner", "second@post.example")
    seen = fields(owner.get(f"{address}/en"))
    write(other.client, address, "en", more="\n\nTheirs.\n")

    mine = {**seen, "text": seen["text"] + "\n\nMine.\n", "summary": "Mine."}
    refused = owner.post(f"{address}/en", data=mine)
    kept = fields(refused)
    done = owner.post(f"{address}/en", data=kept)

    assert refused.status_code == 409
    assert "Mine." in kept["text"]
    assert "Theirs" in words(refused)
    assert done.status_code == 303
    assert "Mine." in fields(owner.get(f"{address}/en"))["text"]


def test_what_is_written_into_a_draft_that_is_gone_is_given_back(place, owner):
    address = start(owner)
    seen = fields(owner.get(f"{address}/en"))
    asked = owner.get(f"{address}/throw-away")
    gone = owner.post(f"{address}/throw-away", data=fields(asked))

    answer = owner.post(f"{address}/en", data={**seen, "text": "Mine\n\nAll.", "summary": "Mine."})

    assert "can’t be brought back" in words(asked)
    assert gone.status_code == 303
    assert answer.status_code == 409
    assert fields(answer)["text"].startswith("Mine")


def test_a_day_too_near_is_said_beside_the_field(place, owner, clock):
    with place.app_context():
        found = ready(clock())
    page = owner.get(f"/owner/versions/drafts/{found.id}/publish")

    answer = owner.post(
        f"/owner/versions/drafts/{found.id}/publish",
        data={**fields(page), "day": "2031-05-20"},
    )

    assert fields(page)["day"] == "2031-06-05"
    assert answer.status_code == 422
    assert "4 June 2031" in words(answer) or "5 June 2031" in words(answer)
    assert fields(answer)["day"] == "2031-05-20"


def test_publishing_asks_again_who_it_is(place, owner, clock):
    with place.app_context():
        found = ready(clock())
    before = versions(place)
    page = owner.get(f"/owner/versions/drafts/{found.id}/publish")
    clock.move(timedelta(minutes=12))

    answer = owner.post(f"/owner/versions/drafts/{found.id}/publish", data=fields(page))

    assert answer.location.startswith("/account/confirm")
    assert versions(place) == before


def test_a_coming_version_can_be_taken_back_and_one_in_force_cannot(place, owner, clock):
    with place.app_context():
        number, _ = published(clock())
    address = f"/owner/versions/privacy/{number}/withdraw"
    asked = owner.get(address)

    done = owner.post(address, data=fields(asked))
    late = owner.post(f"/owner/versions/privacy/{number - 1}/withdraw", data=fields(asked))

    assert done.status_code == 303
    assert late.status_code == 409
    assert "taken back on" in words(owner.get("/owner/versions"))
    assert verbs(place) == ["version.withdrawn"]


def test_a_new_text_that_came_with_the_program_is_said_on_the_first_page(place, owner, clock):
    with place.app_context():
        drafts.offer(PRIVACY, drafts.newest(PRIVACY), now=clock())
        db.session.commit()

    assert "came with the program" in words(owner.get("/owner/"))
    assert "came with the program" in words(owner.get("/owner/versions"))


def test_the_page_costs_a_bounded_number_of_statements(place, owner, clock, count_queries):
    with place.app_context():
        published(clock())

    with count_queries() as sent:
        owner.get("/owner/versions")

    assert len(sent) <= 60


# -- Rehearsed from end to end ------------------------------------------------------------------


@pytest.mark.clause("C05")
def test_a_change_from_the_draft_to_the_first_booking_under_it(place, owner, clock):
    gina = make_guest(place, clock, "gina@post.example")
    visitor = Visitor(place)
    earlier = visitor.book()
    clock.move(timedelta(minutes=5))
    with place.app_context():
        old = current(PRIVACY, "en", now=clock()).number

    # Written in four languages, and published with notice.
    address = start(owner)
    for language in LANGUAGES:
        assert write(owner, address, language).status_code == 303
    page = owner.get(f"{address}/publish")
    sent = {**fields(page), "day": "2031-06-10"}
    assert owner.post(f"{address}/publish", data=sent).status_code == 303
    new = old + 1

    # Announced, mailed, and shown.
    assert f"/privacy/versions/{new}/changes" in place.test_client().get("/terms").text
    told = [one for one in mails(place) if "privacy policy changes" in str(one["Subject"])]
    assert {str(one["To"]).rpartition("<")[2].strip(">") for one in told} >= {"gina@post.example"}
    assert all(SUMMARY["en"] in one.get_content() for one in told)
    assert all(f"/privacy/versions/{new}/changes" in one.get_content() for one in told)
    guest = let_in(place, clock, place.test_client(), gina)
    prompt = guest.get("/account")
    assert "All right, noted" in prompt.text
    sheet = BeautifulSoup(prompt.text, "html.parser").find("form", action="/policy/noted")
    noted = {one["name"]: one["value"] for one in sheet.find_all("input")}
    assert guest.post("/policy/noted", data=noted).status_code == 303

    # Until its day the old one counts, and from its day on the new one.
    clock.move(timedelta(days=20))
    between = visitor.book(email="ben@post.example")
    clock.move(timedelta(days=16))
    with place.app_context():
        assert current(PRIVACY, "en", now=clock()).number == new
        states = {one.number: one.state for one in standings(PRIVACY, now=clock())}
    assert states[new] == "in_force"
    assert states[old] == "earlier"
    visitor.dates = {"arrive": "2031-08-04", "depart": "2031-08-06"}
    later = visitor.book(email="lea@post.example")

    assert [agreed(place, one) for one in (earlier, between, later)] == [old, old, new]
    assert verbs(place)[-1] == "version.published"
    board = words(owner_again(place, owner, clock).get("/owner/versions"))
    assert "in force since 10 June 2031" in board
    assert "your own" in board


def owner_again(place, owner, clock):
    with place.app_context():
        account = db.session.scalar(sa.select(Account.id).where(Account.role == "owner"))
    return let_in(place, clock, owner, account, strong=True)


def agreed(place, page):
    """Return which policy the booking of a page was made under."""
    with place.app_context():
        query = (
            sa.select(DocumentVersion.number)
            .join(Agreement, Agreement.version_id == DocumentVersion.id)
            .where(DocumentVersion.document == PRIVACY)
            .where(Agreement.reservation_reference == page.url.split("/")[2].partition("?")[0])
        )
        return db.session.scalars(query).one()


def test_the_persons_own_page_leads_to_the_very_text_they_agreed_to(place, enters, clock):
    guest = enters("guest")
    with place.app_context():
        from_account = db.session.get(Account, guest.account_id)
        version = current(PRIVACY, "zh", now=clock())
        db.session.add(
            Agreement(
                person_id=from_account.person_id,
                version_id=version.id,
                reservation_reference=None,
                agreed_at=clock(),
            )
        )
        text, number = version.text.splitlines()[0], version.number
        db.session.commit()

    page = guest.get("/account/data")
    link = f"/privacy/versions/{number}?lang=zh"

    assert link in page.text
    assert text in guest.get(link).text
