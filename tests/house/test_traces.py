"""A visit leaves nothing of the visitor in any log, and nothing readable in any file (D8, C14).

Mails that the demo writes to files, for its owner to read, are what was sent to
the person; they are looked at by themselves.
"""

import logging
import re
import shutil
import stat
import time
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from app.accounts.models import Person
from app.core.database import db
from app.core.datamap import Kind
from app.core.vault import vault
from tests.house.canaries import BILLING, BROWSER, PERSON, PERSONAL, SHIPPING, found_in, found_under
from tests.house.ground import FILES
from tests.house.visitor import Visitor

LINE = re.compile(r"(GET|POST|HEAD|PUT|DELETE|OPTIONS|-) (/[\w<>/().=:-]*|-) [1-5]\d\d \d+\.\dms")
QUERY = "utm_source=kanarienwerbung&gclid=kanarien991"
CARD = "4111 1111 1111 1111"


def journey(visitor):
    """Look around, book with everything one may tell, and cancel; return the secret addresses."""
    visitor.open(f"/?{QUERY}")
    visitor.open(f"/kanarienpfad/{QUERY}?{QUERY}")
    visitor.open(f"/search?arrive=kanarienanreise&adults=2&{QUERY}")
    visitor.ask("KANARIE", "/")
    visitor.ask("POST", f"/checkout/kanarienschluessel?{QUERY}", data={"name": PERSON["name"]})
    visitor.ask("POST", "/webhooks/kanarienbank", data=b"kanariennachricht")
    visitor.ask("POST", f"/offers/reed-room/stay?{QUERY}", data={}, headers={"Origin": "null"})
    parcel = {"extra__sea__buckthorn__parcel": "1"}
    details = visitor.hold(visitor.choose_stay(query=QUERY, **parcel))
    visitor.send(details.form(), name=PERSON["name"], email="kanarie ohne klammer")
    refused = visitor.send(details.form(), **{**PERSON, "company": CARD, "agrees": "y"})
    check = visitor.tell(details, **PERSON, **BILLING, **SHIPPING, wants_invoice="y")
    reservation = visitor.pay(check)
    visitor.open(f"{reservation.url}&{QUERY}")
    cancelled = visitor.send(reservation.form("/cancel"))
    again = visitor.send(reservation.form("/cancel"))

    assert refused.status == 422
    assert reservation.status == cancelled.status == 200
    assert cancelled.title != reservation.title
    assert again.status == 409
    return [urlsplit(page.url) for page in visitor.seen]


def secrets_of(urls):
    """Return what of the addresses opens something: keys and references."""
    found = {
        part for url in urls for part in url.path.split("/") if re.search(r"[A-Z0-9]{6}", part)
    }
    found |= {value for url in urls for value in re.findall(r"(?:key|basket)=([\w-]+)", url.query)}
    return tuple(one for one in found if len(one) >= 8)


def letters(mail):
    """Return which mails lie in a folder, by what they tell."""
    return {path.stem.split("-")[1] for path in mail.glob("*.eml")}


@pytest.fixture
def furnished_instance(furnished_long_ago, instance, database):
    """The demo place in the instance folder, before any server looks at it."""
    for file in FILES:
        shutil.copyfile(furnished_long_ago / file, instance / file)
    return instance


@pytest.mark.clause("C09")
@pytest.mark.clause("C14")
def test_a_visit_leaves_no_trace_in_logs_and_nothing_readable_in_files(
    furnished_instance, serve, live_worker
):
    server = serve()
    visitor = Visitor(server, headers={**BROWSER, "Referer": f"{server.url}/?q=kanarienquelle"})

    urls = journey(visitor)
    end = time.monotonic() + 60
    mail = furnished_instance / "mail"
    while not letters(mail) >= {"confirmed", "cancelled"} and time.monotonic() < end:
        time.sleep(0.1)  # the worker is another program

    secret = secrets_of(urls)
    assert len(secret) >= 4
    said = server.output + live_worker.output
    lines = [line for line in server.stdout_file.read_text().splitlines() if line]
    access = [line.split(" ", 2)[2] for line in lines]
    assert len(access) >= len(visitor.seen)
    assert [line for line in access if not LINE.fullmatch(line)] == []
    assert found_in(said.encode(), (*PERSONAL, *BROWSER.values(), *secret)) == []
    assert not re.search(
        r"(?i)kanarie|knusper77|203\.0\.113|127\.0\.0\.1|localhost|4111|utm_", said
    )
    assert server.stderr_file.read_text() == live_worker.output == ""

    # An invoice's too, where the worker came to write it before the cancellation.
    assert letters(mail) >= {"confirmed", "cancelled"}
    leaves = (*PERSONAL, *BROWSER.values(), CARD, CARD.replace(" ", ""), "kanarienwerbung")
    assert found_under(furnished_instance, leaves, but=".eml") == []
    assert found_under(furnished_instance, (PERSON["email"],)) != [], "the search itself is blind"


@pytest.mark.clause("C14")
def test_files_are_for_their_owner_only(furnished_instance, environ, serve, live_worker):
    for file in FILES:
        (furnished_instance / file).chmod(0o600)
    visitor = Visitor(serve())
    visitor.book()
    end = time.monotonic() + 60
    while not list(furnished_instance.glob("mail/*.eml")) and time.monotonic() < end:
        time.sleep(0.1)

    modes = {
        path.relative_to(furnished_instance).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in (furnished_instance, *furnished_instance.rglob("*"))
    }
    open_to_others = {name: oct(mode) for name, mode in modes.items() if mode & 0o077}
    assert any(name.endswith(".eml") for name in modes)
    # The queue's file holds numbers of jobs, nothing else; its folder keeps others out.
    assert {name for name in open_to_others if not name.startswith("queue.db")} == set()
    assert modes["."] == 0o700


@pytest.mark.clause("C14")
def test_what_the_book_holds_of_a_person_opens_with_their_key_only(place, visitor, instance):
    parcel = {"extra__sea__buckthorn__parcel": "1"}
    details = visitor.hold(visitor.choose_stay(**parcel))
    visitor.tell(details, **PERSON, **BILLING, **SHIPPING, wants_invoice="y")

    with place.app_context():
        person = db.session.scalars(sa.select(Person)).one()
        assert [getattr(person, name) for name in PERSON] == list(PERSON.values())
        assert BILLING["billing_city"] in person.billing_address
        assert SHIPPING["shipping_city"] in person.shipping_address
        assert vault().find(Kind.EMAIL, PERSON["email"].upper()) == [person.id]
    assert found_under(instance) == []


@pytest.mark.clause("C09")
def test_an_error_leaves_its_kind_and_place_in_the_log_and_no_word_of_it(place, caplog):
    def fails():
        raise ValueError(f"{PERSON['name']} at {PERSON['email']}")

    place.add_url_rule("/fails/<what>", view_func=fails, endpoint="fails")
    place.view_functions["fails"] = lambda what: fails()
    visitor = Visitor(place, headers=BROWSER)

    with caplog.at_level(logging.DEBUG):
        page = visitor.open(f"/fails/{PERSON['wechat_id']}?{QUERY}")

    assert page.status == 500
    assert "type=ValueError route=/fails/<what>" in caplog.text
    assert "in fails" in caplog.text
    assert found_in(caplog.text.encode(), (*PERSONAL, *BROWSER.values())) == []
    assert "kanarien" not in caplog.text.lower()
    assert found_in(page.body, (PERSON["name"], PERSON["email"])) == []


@pytest.mark.clause("C09")
def test_a_statement_that_fails_does_not_tell_its_values(place, caplog):
    def fails():
        values = {"id": "kanarien-id", "created_at": None, "email": PERSON["email"].encode()}
        db.session.execute(sa.insert(Person.__table__).values(**values))
        return ""

    place.add_url_rule("/fails", view_func=fails, methods=["POST"])

    with caplog.at_level(logging.DEBUG):
        page = Visitor(place).ask("POST", "/fails", data={"name": PERSON["name"]})

    assert page.status == 500
    assert "IntegrityError" in caplog.text
    assert "kanarie" not in (caplog.text + page.text).lower()


@pytest.mark.clause("C09")
def test_a_refusal_is_logged_as_a_status_only(place, caplog):
    visitor = Visitor(place, headers=BROWSER)
    with caplog.at_level(logging.DEBUG, logger="reserved"):
        visitor.open("/offers/reed-room?arrive=kanarie&adults=kanarie")
        visitor.ask("POST", "/offers/reed-room/stay", data={"arrive": PERSON["name"]})

    messages = [record.getMessage() for record in caplog.records]
    assert [LINE.fullmatch(message) is not None for message in messages] == [True, True]
    assert [message.split()[2] for message in messages] == ["422", "422"]
