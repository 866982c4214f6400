"""Before what is sensitive somebody signed in shows again who they are; it counts ten minutes."""

from datetime import timedelta

import pyotp
import pytest

from app.accounts.codes import new_recovery_codes
from app.accounts.entering import AGAIN, CODES
from app.accounts.models import Account, SessionRow
from app.accounts.sessions import IDLE_LIMIT, PROOF_LIFE
from app.core.database import db
from tests.accounts.ways import (
    PASSWORD,
    let_in,
    mails,
    make_guest,
    make_house,
    session_cookie,
    sign_in,
    sign_in_guest,
    token_on,
)

pytestmark = pytest.mark.clause("C04")

SENSITIVE = "/account/security/password"


@pytest.fixture
def guest(app, clock):
    """Greta, who has an account."""
    return make_guest(app, clock)


@pytest.fixture
def late(app, clock, guest, client):
    """Greta's browser, so long after signing in that she is asked again."""
    sign_in_guest(client)
    clock.move(PROOF_LIFE)
    return client


def confirm(client, *, to="/account/email", **typed):
    """Send the form, and return the answer."""
    path = f"/account/confirm?next={to}"
    return client.post(path, data={"csrf_token": token_on(client.get(path)), **typed})


def with_codes(app, clock, account_id):
    """Let an account have an app for codes; return its secret."""
    secret = pyotp.random_base32()
    with app.app_context():
        account = db.session.get(Account, account_id)
        account.totp, account.totp_at = secret, clock()
        db.session.commit()
    return secret


def test_right_after_signing_in_nobody_is_asked(clock, guest, client):
    sign_in_guest(client)

    clock.move(PROOF_LIFE - timedelta(seconds=1))

    assert client.get(SENSITIVE).status_code == 200


def test_later_the_way_leads_over_the_question_and_back(late):
    asked = late.get(SENSITIVE)
    page = late.get(asked.location)
    answer = confirm(late, to=SENSITIVE, password=PASSWORD)

    assert (asked.status_code, asked.location) == (303, f"/account/confirm?next={SENSITIVE}")
    assert page.status_code == 200
    assert (answer.status_code, answer.location) == (303, SENSITIVE)
    assert late.get(SENSITIVE).status_code == 200


@pytest.mark.both_databases
def test_the_session_has_a_new_id_and_the_old_one_is_dead(app, late):
    before = session_cookie(late)

    confirm(late, password=PASSWORD)

    thief = app.test_client()
    thief.set_cookie("session", before, domain="localhost")
    assert session_cookie(late) != before
    assert late.get("/account/security").status_code == 200
    assert thief.get("/account/security").status_code == 303


@pytest.mark.parametrize("typed", [{}, {"password": ""}, {"password": "wrong"}, {"code": "123456"}])
def test_what_proves_nothing_changes_nothing(late, typed):
    before = session_cookie(late)

    page = confirm(late, **typed)

    assert page.status_code == 422
    assert session_cookie(late) == before
    assert late.get(SENSITIVE).status_code == 303


def test_only_what_the_account_has_is_asked_for(app, clock, guest, client):
    sign_in_guest(client)
    without = client.get("/account/confirm").text
    with_codes(app, clock, guest)
    both = client.get("/account/confirm").text
    with app.app_context():
        db.session.get(Account, guest).password = None
        db.session.commit()
    code_only = client.get("/account/confirm").text

    fields = [
        tuple(f'name="{name}"' in page for name in ("password", "code"))
        for page in (without, both, code_only)
    ]
    assert fields == [(True, False), (True, True), (False, True)]


def test_a_code_of_the_app_does_once(app, clock, guest, late):
    secret = with_codes(app, clock, guest)
    code = pyotp.TOTP(secret).at(clock())

    first = confirm(late, code=code)
    again = confirm(late, code=code)

    assert (first.status_code, again.status_code) == (303, 422)


def test_a_code_beside_a_password_makes_the_session_a_strong_one(app, clock, client):
    staff = make_house(app, clock)
    let_in(app, clock, client, staff.account_id)
    before = client.get("/owner/").location

    confirm(client, code=staff.code(clock()))

    assert before == "/account/security#second"
    assert client.get("/owner/").status_code == 200


def test_a_password_alone_does_not(app, clock, client):
    staff = make_house(app, clock)
    let_in(app, clock, client, staff.account_id)

    confirm(client, password=PASSWORD)

    assert client.get("/owner/").status_code == 303


def test_a_recovery_code_does_once_and_is_told(app, guest, late):
    with app.app_context():
        codes = new_recovery_codes(db.session.get(Account, guest))
        db.session.commit()

    answers = [confirm(late, code=codes[0]).status_code for _ in range(2)]

    assert answers == [303, 422]
    assert any("with a recovery code" in mail["Subject"] for mail in mails(app))


def test_who_has_nothing_to_show_is_told_another_way(app, clock, client):
    sign_in(app, clock, client)

    page = client.get("/account/confirm").text

    assert "flask --app wsgi owner link" in page
    assert 'name="password"' not in page


def test_a_stranger_is_asked_to_sign_in(client):
    answer = client.get("/account/confirm?next=/account/email")

    assert answer.status_code == 303
    assert answer.location.startswith("/account/sign-in?next=")


def test_it_takes_the_token_of_the_session(app, clock, guest, late):
    other = let_in(app, clock, app.test_client(), make_guest(app, clock, "other@post.example"))

    without = late.post("/account/confirm", data={"password": PASSWORD})
    foreign = late.post(
        "/account/confirm",
        data={"password": PASSWORD, "csrf_token": token_on(other.get("/account/confirm"))},
    )

    assert (without.status_code, foreign.status_code) == (400, 400)
    assert late.get(SENSITIVE).status_code == 303


def test_guessing_in_somebodys_session_is_slowed_down_and_nobody_else_is(app, clock, guest, late):
    statuses = [confirm(late, password="wrong").status_code for _ in range(AGAIN.burst)]
    blocked = confirm(late, password=PASSWORD)

    assert statuses == [422] * AGAIN.burst
    assert blocked.status_code == 429
    assert int(blocked.headers["Retry-After"]) > 0
    assert sign_in_guest(app.test_client()).status_code == 303


def test_guessing_at_codes_is_slowed_down(app, clock, guest, late):
    secret = with_codes(app, clock, guest)
    wrong = f"{(int(pyotp.TOTP(secret).at(clock())) + 1) % 10**6:06}"
    page = late.get("/account/confirm")
    typed = {"csrf_token": token_on(page), "code": wrong}

    statuses = [
        late.post("/account/confirm", data=typed).status_code for _ in range(CODES.burst + 1)
    ]

    assert statuses == [422] * CODES.burst + [429]


def test_asking_again_does_not_move_the_ends_of_a_session(app, clock, guest, client):
    sign_in_guest(client)
    with app.app_context():
        begun = db.session.query(SessionRow).one().created_at
    clock.move(IDLE_LIMIT / 2)

    confirm(client, password=PASSWORD)

    with app.app_context():
        assert db.session.query(SessionRow).one().created_at == begun
