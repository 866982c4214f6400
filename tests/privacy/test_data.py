"""The page of everything held on a person: whole, explained, theirs alone, and quick."""

import re
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.accounts import disclosures
from app.accounts.models import Person, RecoveryCode
from app.booking.models import Reservation
from app.continuity.closing_words import ANNOUNCED
from app.core.database import db
from app.core.datamap import Kind
from app.core.outbox import run_due
from app.core.vault import dump_address
from app.policy import telling
from app.policy.notice_models import Told
from app.policy.recipients import name_of
from app.privacy.held import FEW, PAGE_SIZE, beginning
from app.privacy.models import CORRECT, PrivacyRequest
from app.privacy.tables import Field, PersonTable, person_tables
from app.privacy.words import GROUPS, field_word, group_word, table_word
from tests.accounts.guests import ALICE, Guest, book
from tests.accounts.ways import let_in
from tests.house.visitor import NAME, Visitor, reference_of
from tests.owner.guests import book as booked
from tests.owner.guests import details
from tests.owner.guests import stay as nights
from tests.privacy.guests import ways_in
from tests.privacy.taking import Somebody

ADDRESS = {
    "country": "DE",
    "name": "Buchhaltung Kranich",
    "street_address": "Zeisigstieg 7711",
    "postal_code": "18439",
    "city": "Stralsund",
}


@pytest.fixture
def two(place, clock):
    """Two people with a row in every table, each value found nowhere else: the ids, the words."""
    with place.app_context():
        made = [Somebody(name, now=clock()) for name in ("kranich", "zeisig")]
        found = [(one.account.id, dict(one.words)) for one in made]
        db.session.commit()
        return found


def opened(place, clock, account_id, path="/account/data"):
    """Open a page as somebody who is signed in, and return the answer."""
    answer = let_in(place, clock, place.test_client(), account_id).get(path)
    assert answer.status_code == 200, answer.status_code
    return answer


def secret(path):
    """Whether a column holds what opens something."""
    fields = (field for table in person_tables() for field in table.columns)
    kinds = {field.path: field.declared.kind for field in fields if field.declared}
    return kinds.get(path) is Kind.CREDENTIAL


@pytest.mark.clause("C26")
@pytest.mark.parametrize("language", ["en", "de"])
def test_payments_that_are_otherwise_alike_are_told_apart_by_sum_and_time(
    place, clock, visitor, language
):
    first = visitor.book()
    clock.move(timedelta(hours=1))
    again = Visitor(place)
    again.dates = {"arrive": "2031-07-07", "depart": "2031-07-09"}
    again.book()

    page = ways_in(place, visitor, first)
    page = visitor.open(f"{page.url.partition('?')[0]}?of=payment&lang={language}")
    titles = [one.get_text() for one in page.soup.main.find_all("summary")]

    assert len(titles) == len(set(titles)) == 2
    sums = [re.search(r"€\s?[\d,.]+|[\d.,]+\s€", one) for one in titles]
    assert all(sums), titles
    assert all("2031" in one for one in titles), titles


@pytest.mark.clause("C26")
@pytest.mark.clause("C08")
def test_each_value_that_is_held_is_on_the_page_and_nobody_elses(place, clock, two):
    (mine, words), (_, others) = two

    page = opened(place, clock, mine).text

    missing = [path for path, value in words.items() if not secret(path) and value not in page]
    strange = [path for path, value in others.items() if value in page]
    assert len(words) > 15
    assert missing == []
    assert strange == []


@pytest.mark.clause("C04")
def test_a_secret_is_named_as_kept_and_never_shown(place, clock, two):
    (mine, words), _ = two

    page = opened(place, clock, mine).text

    secrets = {path: value for path, value in words.items() if secret(path)}
    assert {"account.password", "account.totp", "data_key.code"} <= set(secrets)
    assert [path for path, value in secrets.items() if value in page] == []
    assert "Password, as a number that can’t be turned back" in page
    assert page.count("never shown") >= len(secrets)


@pytest.mark.clause("C26")
def test_what_an_account_holds_is_said_in_whole_words_and_with_no_day_but_its_own(place, clock):
    with place.app_context():
        somebody = Somebody("kranich", now=clock())
        account_id, account = somebody.account.id, somebody.account
        account.totp_step = 62_000_000
        for number in range(3):
            db.session.add(RecoveryCode(account_id=account_id, digest=bytes([number]) * 32))
        db.session.commit()
        assert db.session.scalar(sa.select(sa.func.count()).select_from(RecoveryCode)) == 4

    client = let_in(place, clock, place.test_client(), account_id)
    german = {"Accept-Language": "de"}
    page = BeautifulSoup(client.get("/account/data", headers=german).text, "html.parser").main
    codes = page.find("h3", string=re.compile("^Wieder")).find_next_siblings("details")[:4]

    said = " ".join(page.get_text(" ").split())
    assert "Bundesstaat" not in said
    assert "62000000" not in said
    names = [code.summary.get_text() for code in codes]
    assert names.count("aufbewahrt und nie gezeigt: Es ist ein Geheimnis") == 4, names


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("Kurz und gut", "Kurz und gut"),
        (
            "Zum Anmelden bei Ihrem Konto gehört jetzt auch ein Code",
            "Zum Anmelden bei Ihrem Konto gehört…",
        ),
        ("从".ljust(41, "您"), "从".ljust(40, "您") + "…"),
    ],
)
def test_the_first_words_of_a_row_are_whole(text, begins):
    assert beginning(text) == begins


@pytest.mark.clause("C26")
def test_each_group_says_why_until_when_and_on_which_ground(place, clock, two):
    soup = BeautifulSoup(opened(place, clock, two[0][0]).text, "html.parser")

    for group in GROUPS:
        section = soup.find("section", id=group)
        assert section is not None, f"nothing of {group_word(group)}"
        heads = section.find_all("h3")
        said = section.get_text(" ")
        assert said.count("Why: ") >= len(heads)
        assert said.count("Until: ") >= len(heads)
        assert "GDPR" in said


@pytest.mark.clause("C26")
def test_a_column_that_is_added_is_shown_without_touching_the_page(place, clock, two, monkeypatch):
    told = next(one for one in person_tables() if one.name == "reservation")
    new = Field("reservation", "brand_new", "quote_digest", None)
    widened = PersonTable(told.name, told.model, (*told.columns, new))
    found = tuple(widened if one.name == told.name else one for one in person_tables())
    monkeypatch.setattr("app.privacy.held.person_tables", lambda: found)

    assert "Brand new" in opened(place, clock, two[0][0]).text
    assert field_word(new) == "Brand new"


@pytest.mark.clause("C02")
def test_who_received_something_is_named_beside_it(place, clock, two):
    account_id, _ = two[0]
    with place.app_context():
        person_id = db.session.scalar(
            sa.text("SELECT person_id FROM account WHERE id = :id"), {"id": account_id}
        )
        for _ in range(3):
            disclosures.note(person_id, "mail relay", disclosures.MAIL_ABOUT_ACCOUNT, now=clock())
        db.session.commit()

    page = opened(place, clock, account_id).text

    assert name_of("mail relay") == "Mail relay"
    assert re.search(r"Received by Mail relay: a mail about your account[^<]* 3 times", page)


@pytest.mark.clause("C25")
def test_what_somebody_was_told_is_named_in_the_language_of_the_page(place, clock, two):
    account_id, _ = two[0]
    with place.app_context():
        person_id = db.session.scalar(
            sa.text("SELECT person_id FROM account WHERE id = :id"), {"id": account_id}
        )
        db.session.execute(sa.delete(Told).where(Told.person_id == person_id))
        telling.tell(
            "closing",
            ANNOUNCED,
            to=[person_id],
            url=("policy.show_privacy", {}),
            now=clock(),
            day=date(2031, 9, 30),
        )
        db.session.commit()
        while run_due(now=clock()):
            pass

    assert "We close on 30 September 2031" in opened(place, clock, account_id).text
    german = opened(place, clock, account_id, "/account/data?lang=de").text
    assert "30. September 2031" in german


@pytest.mark.clause("C26")
def test_the_page_asks_as_little_of_ten_years_as_of_one_stay(place, clock, enters, count_queries):
    guest = enters("guest", "anna@post.example")
    begin = clock().date() + timedelta(days=30)
    guest.get("/account/data")  # the first also asks what is remembered after it
    sent = []
    for bookings in (range(FEW + 1), range(FEW + 1, 20)):
        with place.app_context():
            for number in bookings:
                _booked_by(guest, begin + timedelta(days=3 * number), clock())
        with count_queries() as asked:
            page = guest.get("/account/data")
        sent.append(len(asked))

    assert page.status_code == 200
    assert sent[0] == sent[1] < 100
    assert len(page.data) < 60_000


def _booked_by(guest, arrive, now):
    who = details("Anna Berg", "anna@post.example")
    reference = booked(nights("reed-room", arrive, arrive + timedelta(days=2)), now=now, who=who)
    db.session.execute(
        sa.text("UPDATE reservation SET person_id = :p WHERE reference = :r"),
        {"p": guest.account.person_id, "r": reference},
    )
    db.session.commit()


@pytest.mark.clause("C26")
def test_a_long_list_is_on_pages_of_its_own(place, clock, enters):
    guest = enters("guest")
    with place.app_context():
        person = guest.account.person_id
        for number in range(PAGE_SIZE + 1):
            db.session.add(
                PrivacyRequest(
                    person_id=person,
                    kind="other",
                    law="gdpr",
                    made_at=clock() - timedelta(days=number),
                    due_on=clock().date(),
                    answered_at=clock(),
                    granted=True,
                )
            )
        db.session.commit()

    hub = guest.get("/account/data").text
    first = guest.get("/account/data?of=privacy_request").text
    second = guest.get("/account/data?of=privacy_request&page=2").text

    assert "/account/data?of=privacy_request" in hub
    section = hub.split('id="privacy_request"')[1].split("<h3")[0]
    assert section.count("<summary>") == FEW + 1  # and why we hold it
    assert first.count("<summary>") == PAGE_SIZE
    assert "page=2" in first
    assert table_word("privacy_request") in second
    for nowhere in ("?of=nothing", "?of=privacy_request&page=9", "?of=person&page=x"):
        assert guest.get(f"/account/data{nowhere}").status_code == 404


@pytest.mark.clause("C17")
def test_only_who_is_signed_in_sees_it_and_no_cache_keeps_it(place, client, enters):
    asked = client.get("/account/data")
    mine = enters("guest").get("/account/data")

    assert asked.status_code == 303
    assert "/account/sign-in?next=" in asked.location
    assert "no-store" in mine.headers["Cache-Control"]


@pytest.mark.clause("C26")
def test_the_account_and_the_profile_lead_there_and_it_leads_on(place, enters):
    guest = enters("guest")

    for path in ("/account", "/account/profile"):
        assert 'href="/account/data"' in guest.get(path).text
    hub = guest.get("/account/data").text
    for path in ("download", "limits", "erase", "requests"):
        assert f'href="/account/data/{path}"' in hub
        assert guest.get(f"/account/data/{path}").status_code == 200


# -- Correcting -------------------------------------------------------------------------------


@pytest.mark.clause("C08")
@pytest.mark.clause("C02")
def test_a_correction_counts_at_once_and_names_who_got_the_old_value(place, clock):
    reference = reference_of(book(place, ALICE))
    alice = Guest(place, clock, ALICE)
    with place.app_context():
        person = db.session.scalar(
            sa.select(Person).join(Reservation, Reservation.person_id == Person.id)
        )
        person_id = person.id
        disclosures.note(person_id, "mail relay", disclosures.MAIL_ABOUT_BOOKING, now=clock())
        db.session.commit()

    page = alice.open(f"/account/data/details/{reference}")
    same = alice.send(page.form())
    done = alice.send(page.form(), name="Minna Kranich")

    assert "Nothing was different" in same.words
    assert "Corrected: Your name" in done.words
    assert "Mail relay" in done.words
    assert "Minna" not in done.url
    with place.app_context():
        assert db.session.get(Person, person_id).name == "Minna Kranich"
        request = db.session.scalars(sa.select(PrivacyRequest)).one()
        assert (request.kind, request.by_itself, request.granted) == (CORRECT, True, True)
        assert request.answered_at == clock()


@pytest.mark.clause("C08")
def test_an_address_can_be_corrected_and_taken_away(place, clock):
    reference = reference_of(book(place, ALICE))
    alice = Guest(place, clock, ALICE)
    with place.app_context():
        person = db.session.scalar(
            sa.select(Person).join(Reservation, Reservation.person_id == Person.id)
        )
        person.billing_address = dump_address(ADDRESS)
        db.session.commit()
        person_id = person.id
    assert "Zeisigstieg 7711, 18439 Stralsund" in alice.open("/account/data").words
    path = f"/account/data/details/{reference}"

    moved = alice.send(alice.open(path).form(), billing_street_address="Stieglitzweg 8822")
    assert "Corrected: Billing address" in moved.words
    gone = alice.send(alice.open(path).form(), drop="keeps_billing")

    assert "Corrected: Billing address" in gone.words
    with place.app_context():
        assert db.session.get(Person, person_id).billing_address is None


@pytest.mark.clause("C08")
def test_what_cannot_be_a_value_is_refused_beside_its_field(place, clock):
    reference = reference_of(book(place, ALICE))
    alice = Guest(place, clock, ALICE)
    page = alice.open(f"/account/data/details/{reference}")

    answer = alice.send(page.form(), name="", phone="12")

    assert answer.status == 422
    assert "enter your name" in answer.said_beside("name")
    assert answer.said_beside("phone")
    assert NAME in alice.open("/account/data").words


@pytest.mark.clause("C17")
def test_nobody_corrects_somebody_elses_reservation(place, clock):
    theirs = reference_of(book(place, "somebody@post.example", name="Somebody Else"))
    other = Visitor(place)
    other.dates = {"arrive": "2031-07-07", "depart": "2031-07-09"}
    mine = reference_of(other.book(email=ALICE))
    alice = Guest(place, clock, ALICE)
    sheet = alice.open(f"/account/data/details/{mine}").form()

    for reference in (theirs, "AAAAAAAA"):
        sheet.url = f"/account/data/details/{reference}"
        assert alice.open(sheet.url).status == 404
        assert alice.send(sheet, name="Alice instead").status == 404

    with place.app_context():
        named = {person.name for person in db.session.scalars(sa.select(Person))}
        assert "Somebody Else" in named
        assert "Alice instead" not in named
