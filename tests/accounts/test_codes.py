"""A code is asked for once it was shown to be right; it works once, and only around its time."""

import re
from datetime import timedelta

import pyotp
import pytest
import sqlalchemy as sa

from app.accounts import codes
from app.accounts.codes import RECOVERY_CODES, WrongCode
from app.accounts.models import Account, MailLink, RecoveryCode
from app.accounts.tickets import LIFE, MOST_TRIES
from app.core.database import db
from tests.accounts.ways import (
    is_in,
    let_in,
    make_guest,
    make_house,
    session_cookie,
    sign_in_guest,
    token_on,
)

pytestmark = pytest.mark.clause("C04")

PAGE, SECURITY = "/account/security/codes", "/account/security"
HALF = timedelta(seconds=30)


@pytest.fixture
def guest(app, clock, client):
    """The id of an account that `client` is signed in to."""
    account_id = make_guest(app, clock)
    let_in(app, clock, client, account_id)
    return account_id


def begin(client):
    """Press the button, and return the page with the secret."""
    return client.post(PAGE, data={"csrf_token": token_on(client.get(PAGE))})


def secret_on(page):
    return re.search(r'<code translate="no">([A-Z2-7 ]+)</code>', page.text)[1].replace(" ", "")


def ticket_on(page):
    return re.search(r'name="ticket"[^>]* value="([^"]+)"', page.text)[1]


def first_code(client, page, code, **more):
    data = {"csrf_token": token_on(page), "ticket": ticket_on(page), "code": code, **more}
    return client.post(PAGE, data=data)


def set_up(client, clock):
    """Set codes up, and return the secret and the page that answers."""
    page = begin(client)
    secret = secret_on(page)
    return secret, first_code(client, page, pyotp.TOTP(secret).at(clock()))


def shown(page):
    return re.findall(r'<code translate="no">([a-z2-9-]+)</code>', page.text)


def account_of(app, account_id):
    with app.app_context():
        found = db.session.get(Account, account_id)
        return found.totp, found.totp_at


def told(app):
    with app.app_context():
        return list(db.session.scalars(sa.select(MailLink.news).order_by(MailLink.id)))


# -- Setting up -------------------------------------------------------------------------------


def test_codes_are_asked_for_once_one_was_right(app, clock, client, guest):
    secret, answer = set_up(client, clock)
    fresh = app.test_client()

    step = sign_in_guest(fresh)

    assert answer.status_code == 200
    assert len(shown(answer)) == RECOVERY_CODES
    assert account_of(app, guest) == (secret, clock())
    assert told(app) == ["codes_on"]
    assert step.location.startswith("/account/sign-in/")
    assert fresh.get(SECURITY).status_code == 303
    clock.move(HALF)
    done = fresh.post(step.location, data={"code": pyotp.TOTP(secret).at(clock())})
    assert done.status_code == 303
    assert fresh.get(SECURITY).status_code == 200


def test_the_picture_and_the_link_say_what_the_letters_say(client, guest):
    page = begin(client)

    uri = re.search(r'href="(otpauth://[^"]+)"', page.text)[1].replace("&amp;", "&")
    read = pyotp.parse_uri(uri)

    assert read.secret == secret_on(page)
    assert (read.digits, read.interval) == (6, 30)
    assert read.name == "greta@post.example"
    assert "<svg" in page.text
    assert 'style="' not in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_nothing_is_kept_until_a_code_was_right(app, client, guest):
    page = begin(client)

    answer = first_code(client, page, "000000")

    assert answer.status_code == 422
    assert "isn’t right" in answer.text
    assert secret_on(answer) == secret_on(page)
    assert ticket_on(answer) == ticket_on(page)
    assert account_of(app, guest) == (None, None)


def test_after_five_wrong_codes_one_begins_again(app, clock, client, guest):
    page = begin(client)

    statuses = [first_code(client, page, "000000").status_code for _ in range(MOST_TRIES)]
    right = first_code(client, page, pyotp.TOTP(secret_on(page)).at(clock()))

    assert statuses == [422] * (MOST_TRIES - 1) + [409]
    assert right.status_code == 409
    assert account_of(app, guest) == (None, None)


def test_the_secret_is_good_for_ten_minutes_for_one_account_and_once(app, clock, client, guest):
    other_id = make_guest(app, clock, "otto@post.example")
    other = let_in(app, clock, app.test_client(), other_id)
    page = begin(client)
    code = pyotp.TOTP(secret_on(page)).at(clock())
    stolen = other.post(
        PAGE,
        data={
            "csrf_token": token_on(other.get(PAGE)),
            "ticket": ticket_on(page),
            "code": code,
        },
    )
    first_code(client, page, code)
    clock.move(HALF)
    again = client.post(
        PAGE,
        data={
            "csrf_token": token_on(client.get(PAGE)),
            "ticket": ticket_on(page),
            "code": pyotp.TOTP(secret_on(page)).at(clock()),
        },
    )
    page = begin(client)
    clock.move(LIFE)
    let_in(app, clock, client, guest)
    late = client.post(
        PAGE,
        data={
            "csrf_token": token_on(client.get(PAGE)),
            "ticket": ticket_on(page),
            "code": pyotp.TOTP(secret_on(page)).at(clock()),
        },
    )

    assert [one.status_code for one in (stolen, again, late)] == [409, 409, 409]
    assert account_of(app, other_id) == (None, None)


def test_other_sessions_end_and_old_cookies_are_dead(app, clock, client, guest):
    other, old = let_in(app, clock, app.test_client(), guest), app.test_client()
    old.set_cookie("session", session_cookie(client), domain="localhost")

    set_up(client, clock)

    statuses = [one.get(SECURITY).status_code for one in (client, old, other)]
    assert statuses == [200, 303, 303]


def test_the_owners_pages_open_for_staff_who_set_codes_up(app, clock, client):
    member = make_house(app, clock)
    with app.app_context():
        db.session.get(Account, member.account_id).totp = None
        db.session.commit()
    let_in(app, clock, client, member.account_id)
    before = client.get("/owner/")
    asked = client.get(before.location)

    set_up(client, clock)

    assert before.location == f"{SECURITY}#second"
    assert "before the owner’s pages open" in asked.text
    assert is_in(client)


# -- Using them -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("off", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_code_is_right_half_a_minute_before_and_after_and_no_longer(
    app, clock, guest, off, right
):
    secret = pyotp.random_base32()
    code = pyotp.TOTP(secret).at(clock() + off * HALF)
    with app.app_context():
        account = db.session.get(Account, guest)
        account.totp, account.totp_at = secret, clock()
        db.session.commit()

        if right:
            codes.use_code(account, code, now=clock())
        else:
            with pytest.raises(WrongCode):
                codes.use_code(account, code, now=clock())


@pytest.mark.both_databases
def test_a_code_works_once_and_none_from_before_it_does(app, clock):
    member = make_house(app, clock)
    now, earlier = member.code(clock()), member.code(clock() - HALF)
    with app.app_context():
        account = db.session.get(Account, member.account_id)

        codes.use_code(account, now, now=clock())
        db.session.commit()

        for used in (now, earlier):
            with pytest.raises(WrongCode):
                codes.use_code(account, used, now=clock())


@pytest.mark.parametrize(
    "code", ["", "0", "12345", "1234567", "\uff10" * 6, "abcdef", "٠١٢٣٤٥", "x" * 40, "-00001"]
)
def test_nothing_else_is_a_code(app, clock, code):
    member = make_house(app, clock)
    with app.app_context():
        account = db.session.get(Account, member.account_id)

        with pytest.raises(WrongCode):
            codes.use_code(account, code, now=clock())


def test_a_code_may_be_typed_with_a_space(app, clock):
    member = make_house(app, clock)
    code = member.code(clock())
    with app.app_context():
        account = db.session.get(Account, member.account_id)

        codes.use_code(account, f" {code[:3]} {code[3:]} ", now=clock())


def test_a_recovery_code_works_once_however_it_is_typed(app, clock, client, guest):
    _secret, page = set_up(client, clock)
    first, second, *_ = shown(page)
    with app.app_context():
        account = db.session.get(Account, guest)

        codes.use_code(account, first, now=clock())
        codes.use_code(account, second.upper().replace("-", " "), now=clock())
        db.session.commit()

        assert codes.codes_left(account) == RECOVERY_CODES - 2
        for used in (first, second):
            with pytest.raises(WrongCode):
                codes.use_code(account, used, now=clock())


def test_a_recovery_code_opens_no_other_account(app, clock, client, guest):
    _secret, page = set_up(client, clock)
    other = make_house(app, clock)
    with app.app_context():
        account = db.session.get(Account, other.account_id)

        with pytest.raises(WrongCode):
            codes.use_code(account, shown(page)[0], now=clock())


def test_neither_secret_nor_recovery_code_can_be_read_from_the_files(
    app, clock, client, guest, instance
):
    secret, page = set_up(client, clock)

    files = b"".join(file.read_bytes() for file in instance.iterdir() if file.is_file())

    assert secret.encode() not in files
    assert not any(code.encode() in files for code in shown(page))


# -- New recovery codes, and no more codes ----------------------------------------------------


def post(client, path):
    return client.post(path, data={"csrf_token": token_on(client.get(SECURITY))})


def test_new_recovery_codes_replace_the_old_and_are_shown_once(app, clock, client, guest):
    _secret, before = set_up(client, clock)
    old = session_cookie(client)

    after = post(client, f"{SECURITY}/recovery-codes")

    assert len(shown(after)) == RECOVERY_CODES
    assert not set(shown(before)) & set(shown(after))
    assert session_cookie(client) != old
    assert told(app) == ["codes_on", "recovery_codes"]
    assert shown(client.get(SECURITY)) == []
    with app.app_context(), pytest.raises(WrongCode):
        codes.use_code(db.session.get(Account, guest), shown(before)[0], now=clock())


def test_without_a_second_factor_there_are_no_recovery_codes(app, client, guest):
    answer = post(client, f"{SECURITY}/recovery-codes")

    assert answer.status_code == 303
    with app.app_context():
        assert db.session.scalar(sa.select(RecoveryCode)) is None


def test_codes_are_turned_off_with_their_recovery_codes(app, clock, client, guest):
    set_up(client, clock)
    other = let_in(app, clock, app.test_client(), guest)

    answer = post(client, f"{PAGE}/remove")
    again = post(client, f"{PAGE}/remove")

    assert answer.location == f"{SECURITY}?done=codes_off"
    assert again.location == SECURITY
    assert told(app) == ["codes_on", "codes_off"]
    assert other.get(SECURITY).status_code == 303
    assert account_of(app, guest) == (None, None)
    with app.app_context():
        assert db.session.scalar(sa.select(RecoveryCode)) is None


def test_whoever_runs_the_place_keeps_a_last_factor(app, clock, client):
    member = make_house(app, clock)
    let_in(app, clock, client, member.account_id, strong=True)

    answer = post(client, f"{PAGE}/remove")

    assert answer.status_code == 409
    assert "needs a second factor" in answer.text
    assert account_of(app, member.account_id)[0] == member.secret
    assert told(app) == []


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/remove", f"{SECURITY}/recovery-codes"])
def test_nothing_changes_without_a_fresh_proof(app, clock, client, guest, path):
    set_up(client, clock)
    before, token = account_of(app, guest), token_on(client.get(SECURITY))
    clock.move(timedelta(minutes=10))

    answer = client.post(path, data={"csrf_token": token})

    assert answer.status_code == 303
    assert answer.location.startswith("/account/confirm?next=/account/security")
    assert account_of(app, guest) == before
    assert told(app) == ["codes_on"]
