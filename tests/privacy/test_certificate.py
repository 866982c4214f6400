"""Somebody sees what erasing would do, has it done, and can prove it without the house."""

import json
import re
import shutil
import subprocess
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.accounts.models import Account
from app.booking.models import Reservation
from app.consent.canonical import canonical
from app.core.database import db
from app.core.erasures import entries
from app.core.tokens import digest_of_token
from app.core.vault import vault
from app.privacy import certificate
from app.privacy.models import DONE, POSTPONED, RUNNING, WITHDRAWN, DataKey, Erasure
from tests.accounts.ways import let_in, make_house, session_cookie, token_on
from tests.house.canaries import found_in
from tests.owner.house import words
from tests.payments import till
from tests.payments.conftest import line  # noqa: F401 (a fixture)
from tests.privacy.gone import ENDED, IN_CLEAR, signed_in, somebody
from tests.privacy.test_erasing import run

pytestmark = [pytest.mark.clause("C26"), pytest.mark.clause("C12")]


@pytest.fixture
def made(app, clock, line):  # noqa: F811
    """Somebody with a stay ahead."""
    with app.app_context():
        till.open_the_place()
        return somebody(app, clock, line)


def ask(browser, **typed):
    """Tick the box and press the button."""
    page = browser.get("/account/data/erase")
    return browser.post(
        "/account/data/erase", data={"csrf_token": token_on(page), "sure": "y", **typed}
    )


def work(app, clock):
    """Let the worker run."""
    with app.app_context():
        run(clock())


def erasures(app):
    """Return the states of all erasures."""
    with app.app_context():
        return [(one.state, one.stage) for one in db.session.query(Erasure).order_by(Erasure.id)]


def test_from_the_plan_to_the_certificate_that_openssl_verifies(app, clock, made, tmp_path):
    clock.move(ENDED)
    browser = signed_in(app, clock, made)

    plan = browser.get("/account/data/erase")
    ordered = ask(browser)
    page = browser.get(ordered.location)
    waiting, began = words(page), erasures(app)
    work(app, clock)
    done = browser.get(ordered.location)
    said = browser.get(f"{ordered.location}/certificate.json")
    signature = browser.get(f"{ordered.location}/certificate.sig")
    key = browser.get("/erasures/key")

    assert "AO § 147 (3)" in words(plan)
    assert ordered.status_code == 303
    assert began == [(RUNNING, "")]
    assert "waiting" in waiting
    assert "waiting" not in words(done)
    load_pem_public_key(key.data).verify(signature.data, said.data)
    statement = json.loads(said.data)
    assert canonical(statement).encode() == said.data
    assert statement["no_backup_opens_it_from"] == "2031-07-12"
    with app.app_context():
        assert statement["ledger_positions"] == [one.position for one in entries()]
    assert {"what": "person", "rows": 2} in statement["erased"]
    assert {one["what"] for one in statement["kept"]} >= {"invoice", "payment"}
    for content in (said.data, done.data, page.data):
        assert found_in(content, IN_CLEAR) == []
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl here")
    commands = re.findall(r"openssl (pkeyutl [^<]+)</code>", done.text)
    for name, answer in (("json", said), ("sig", signature)):
        (tmp_path / f"erasure-certificate.{name}").write_bytes(answer.data)
    (tmp_path / "erasure-key.pem").write_bytes(key.data)
    good = subprocess.run(
        [openssl, *commands[0].split()], cwd=tmp_path, capture_output=True, check=False
    )
    (tmp_path / "erasure-certificate.json").write_bytes(said.data.replace(b"2", b"3", 1))
    bad = subprocess.run(
        [openssl, *commands[0].split()], cwd=tmp_path, capture_output=True, check=False
    )
    assert (good.returncode, bad.returncode != 0) == (0, True), good.stderr


def test_a_changed_byte_is_seen(context):
    kept = certificate.opened(certificate.sign({"erased": [{"what": "person", "rows": 1}]}))

    statement, key = kept.statement.encode(), certificate.public_key()
    key.verify(kept.signature, statement)
    for signature, text in (
        (kept.signature, statement.replace(b"1", b"2", 1)),
        (kept.signature[:-1] + bytes([kept.signature[-1] ^ 1]), statement),
    ):
        with pytest.raises(InvalidSignature):
            key.verify(signature, text)


def test_the_session_stays_until_the_end_and_the_browser_forgets_once(app, clock, made):
    clock.move(ENDED)
    browser = signed_in(app, clock, made)
    token = session_cookie(browser)
    with app.app_context():
        other = app.test_client()
    let_in(app, clock, other, made.account_id)

    ordered = ask(browser)
    stays = browser.get("/account/data/erase").status_code
    elsewhere = other.get("/account/data/erase").status_code
    work(app, clock)
    last = browser.get(ordered.location)
    gone = browser.get("/account/data/erase").status_code
    style = browser.get(f"{ordered.location}/gone.css")
    fresh = app.test_client().get(ordered.location)

    assert token
    assert (stays, elsewhere, gone) == (200, 303, 303)
    assert last.headers["Clear-Site-Data"] == '"cookies", "storage", "cache"'
    assert style.headers["Clear-Site-Data"] == '"cookies", "storage", "cache"'
    assert "gone.css" in last.text
    assert "Clear-Site-Data" not in fresh.headers
    assert "gone.css" not in fresh.text


def test_nothing_is_ordered_without_the_tick_or_a_fresh_proof(app, clock, made):
    clock.move(ENDED)
    browser = signed_in(app, clock, made)
    token = token_on(browser.get("/account/data/erase"))

    unticked = browser.post("/account/data/erase", data={"csrf_token": token})
    clock.move(timedelta(minutes=11))
    late = browser.post("/account/data/erase", data={"csrf_token": token, "sure": "y"})

    assert unticked.status_code == 422
    assert "tick this box" in unticked.text
    assert (late.status_code, "/account/confirm" in late.location) == (303, True)
    assert erasures(app) == []


def test_an_open_stay_is_named_and_the_wish_can_be_taken_back(app, clock, made):
    browser = signed_in(app, clock, made)

    plan = browser.get("/account/data/erase")
    ordered = ask(browser)
    waits = browser.get(ordered.location)
    taken_back = browser.post(f"{ordered.location}/withdraw", data={"csrf_token": token_on(waits)})
    again = browser.post(f"{ordered.location}/withdraw", data={"csrf_token": token_on(waits)})

    assert made.reference in words(plan)
    assert "Erase my data on 6 June 2031" in plan.text
    assert "6 June 2031" in words(waits)
    assert (taken_back.status_code, again.status_code) == (303, 409)
    assert erasures(app) == [(WITHDRAWN, "")]
    assert "Nothing will be erased" in browser.get(ordered.location).text


def test_the_only_owner_is_told_what_to_do_first(app, clock, made):
    with app.app_context():
        db.session.get(Account, made.account_id).role = "owner"
        db.session.commit()
    clock.move(ENDED)
    browser = signed_in(app, clock, made)

    refused = ask(browser)

    assert refused.status_code == 409
    assert "only owner" in words(refused)
    assert erasures(app) == []


def test_nobody_guesses_the_page(client, app, clock, made):
    assert client.get("/erasures/nothing").status_code == 404
    assert client.get("/erasures/nothing/certificate.json").status_code == 404
    assert client.get("/erasures/" + "A" * 43).status_code == 404
    assert client.post("/erasures/nothing/withdraw").status_code in (403, 404)


def test_the_owners_pages_show_a_booking_that_is_nobodys_any_more(app, clock, made):
    clock.move(ENDED)
    browser = signed_in(app, clock, made)
    ask(browser)
    work(app, clock)
    member = make_house(app, clock, "owner")
    owner = let_in(app, clock, app.test_client(), member.account_id, strong=True)
    with app.app_context():
        number = db.session.get(Reservation, made.reservation_id).id

    pages = [
        "/owner/",
        "/owner/reservations",
        f"/owner/reservations/{made.reference}",
        f"/owner/reservations/{made.reference}/invoices/2031-000001",
        f"/owner/reservations/{made.reference}/invoices/2031-000001.pdf",
        "/owner/payments",
        "/owner/people",
        "/owner/mail",
    ]
    answers = {path: owner.get(path) for path in pages}

    assert number == made.reservation_id
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(
        pages, 200
    )
    assert "were erased" in words(answers[pages[2]])
    assert "Zeisigstieg 7711" in words(answers[pages[3]])


def test_the_states_have_words(app):
    assert {DONE, POSTPONED, RUNNING, WITHDRAWN} == {"done", "postponed", "running", "withdrawn"}


def test_a_guest_with_a_mailed_code_is_erased_too(app, clock, line, client):  # noqa: F811
    with app.app_context():
        till.open_the_place()
        reservation = till.book(now=clock())
        person_id = reservation.person_id
        db.session.add(
            DataKey(
                person_id=person_id,
                reservation_id=reservation.id,
                key_digest=digest_of_token("K" * 24),
                made_at=clock(),
                proved_at=clock(),
                expires_at=clock() + timedelta(minutes=30),
            )
        )
        db.session.commit()

    plan = client.get(f"/data/{'K' * 24}/erase")
    ordered = client.post(f"/data/{'K' * 24}/erase", data={"sure": "y"})
    work(app, clock)

    assert plan.status_code == 200
    assert ordered.status_code == 303
    assert erasures(app) == [(DONE, "certificate")]
    assert client.get(f"/data/{'K' * 24}/erase").status_code == 404
    assert client.get(ordered.location).status_code == 200


def test_a_page_about_somebody_whose_key_is_gone_says_so(app, clock, made):
    browser = signed_in(app, clock, made)
    with app.app_context():
        vault().destroy(made.person_ids)

    page = browser.get("/account/profile")

    assert page.status_code == 410
    assert "isn’t here any more" in page.text
