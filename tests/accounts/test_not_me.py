"""“This wasn’t me” takes an account back from whoever took it over, whatever they changed."""

from datetime import timedelta

import pyotp
import pytest
import sqlalchemy as sa

from app.accounts import mail_links
from app.accounts.codes import codes_left, new_recovery_codes
from app.accounts.mail_links import TOLD, tell
from app.accounts.models import Account, MailLink, Passkey
from app.accounts.names import account_named
from app.accounts.profile import change_address
from app.core.database import db
from tests.accounts.ways import (
    EMAIL,
    PASSWORD,
    let_in,
    link_in,
    mails,
    make_guest,
    make_house,
    new_link,
    newest_mail,
    session_cookie,
    sign_in_guest,
    sign_in_house,
    token_on,
)

pytestmark = pytest.mark.clause("C04")

THIEF = "thief@post.example"


@pytest.fixture
def guest(app, clock):
    """Greta, who has an account."""
    return make_guest(app, clock)


def mails_to(app, address):
    """Return the mails to an address, newest last."""
    return [mail for mail in mails(app) if mail["To"].addresses[0].addr_spec == address]


def told(app, address=EMAIL):
    """Return the path of the newest “this wasn’t me” that went to an address."""
    links = [link_in(mail) for mail in mails_to(app, address)]
    return next(link for link in reversed(links) if "/not-me/" in link)


def move(app, clock, account_id, address):
    """Have an account moved to another address, as its link would."""
    with app.app_context():
        account = db.session.get(Account, account_id)
        link = mail_links.send(account, mail_links.EMAIL, to=address, now=clock())
        change_address(link, now=clock())
        db.session.commit()


def address_of(app, account_id):
    """Return the address of an account."""
    with app.app_context():
        return db.session.get(Account, account_id).person.email


@pytest.mark.both_databases
def test_a_sign_in_that_was_somebody_else_is_undone(app, guest, client):
    thief = app.test_client()
    sign_in_guest(thief)
    path = told(app)

    page = client.get(path)
    answer = client.post(path)
    done = client.get(answer.location)

    assert "Somebody signed in to your account" in page.text
    assert (answer.status_code, answer.location) == (303, "/account/secured?lang=en")
    assert done.status_code == 200
    assert thief.get("/account/security").status_code == 303
    assert sign_in_guest(app.test_client()).status_code == 422
    way_in = newest_mail(app)
    assert "you told us that somebody else was in your account" in way_in.get_content()
    assert client.post(link_in(way_in)).location == "/account/security/password?lang=en"


def test_looking_changes_nothing_and_nobody_is_signed_in_by_the_button(app, guest, client):
    thief = app.test_client()
    sign_in_guest(thief)
    path = told(app)

    for _ in range(3):
        client.get(path)
    still = thief.get("/account/security").status_code
    client.post(path)

    assert still == 200
    assert session_cookie(client) is None


def test_the_link_works_once_and_for_two_weeks(app, clock, guest, client):
    sign_in_guest(app.test_client())
    path = told(app)
    first = client.post(path).status_code
    again = client.post(path).status_code
    clock.move(timedelta(hours=1))
    client.post("/account/way-in", data={"name": EMAIL})
    client.post(link_in(newest_mail(app)))
    late = told(app)
    clock.move(mail_links.LIFE[TOLD])

    assert (first, again) == (303, 410)
    assert client.get(late).status_code == 410


def test_what_was_set_up_at_that_time_or_later_goes_and_what_was_before_stays(app, clock, guest):
    def passkey(name):
        db.session.add(
            Passkey(
                account_id=guest,
                credential_id=name,
                public_key=b"k",
                sign_count=0,
                device="",
                created_at=clock(),
            )
        )

    with app.app_context():
        account = db.session.get(Account, guest)
        passkey(b"before")
        new_recovery_codes(account)
        db.session.commit()
    clock.move(timedelta(minutes=1))
    let_in(app, clock, app.test_client(), guest)
    with app.app_context():
        account = db.session.get(Account, guest)
        tell(account, "signed_in", now=clock())
        passkey(b"same time")
        db.session.commit()
    path = told(app)
    clock.move(timedelta(minutes=1))
    with app.app_context():
        account = db.session.get(Account, guest)
        passkey(b"later")
        account.totp, account.totp_at = pyotp.random_base32(), clock()
        tell(account, "codes_on", now=clock())
        db.session.commit()

    app.test_client().post(path)

    with app.app_context():
        account = db.session.get(Account, guest)
        assert list(db.session.scalars(sa.select(Passkey.credential_id))) == [b"before"]
        assert (account.totp, account.totp_at, account.password) == (None, None, None)
        assert codes_left(account) == 0  # who set up codes saw them


def test_codes_and_recovery_codes_of_before_stay(app, clock, client):
    guest = make_guest(app, clock)
    secret = pyotp.random_base32()
    with app.app_context():
        account = db.session.get(Account, guest)
        account.totp, account.totp_at = secret, clock()
        new_recovery_codes(account)
        db.session.commit()
    clock.move(timedelta(days=1))
    thief = app.test_client()
    step = sign_in_guest(thief).location
    thief.post(step, data={"code": pyotp.TOTP(secret).at(clock())})

    client.post(told(app))
    clock.move(timedelta(minutes=1))
    step = client.post(link_in(newest_mail(app))).location

    with app.app_context():
        assert codes_left(db.session.get(Account, guest)) == 10
    assert step.startswith("/account/sign-in/")
    assert client.post(step, data={"code": pyotp.TOTP(secret).at(clock())}).status_code == 303


def test_what_was_begun_ends_too(app, clock, guest, client):
    secret = pyotp.random_base32()
    with app.app_context():
        account = db.session.get(Account, guest)
        account.totp, account.totp_at = secret, clock() - timedelta(days=1)
        tell(account, "signed_in", now=clock())
        db.session.commit()
    path = told(app)
    thief = app.test_client()
    step = sign_in_guest(thief).location
    thief.post("/account/way-in", data={"name": EMAIL})
    way_in = link_in(newest_mail(app))

    client.post(path)

    assert thief.post(step, data={"code": pyotp.TOTP(secret).at(clock())}).status_code == 410
    assert thief.post(way_in).status_code == 410


# -- The address ------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_an_account_that_was_moved_comes_back_to_its_address(app, clock, guest, client):
    move(app, clock, guest, THIEF)
    path = told(app)
    page = client.get(path)

    client.post(path)

    assert "goes back to the address" in page.text
    assert address_of(app, guest) == EMAIL
    with app.app_context():
        assert account_named(EMAIL).id == guest
        assert account_named(THIEF) is None
    assert newest_mail(app)["To"].addresses[0].addr_spec == EMAIL


def test_an_earlier_mail_brings_it_back_as_well(app, clock, guest, client):
    thief = app.test_client()
    sign_in_guest(thief)
    path = told(app)
    clock.move(timedelta(minutes=5))
    move(app, clock, guest, THIEF)

    client.post(path)

    assert address_of(app, guest) == EMAIL


def test_whoever_moved_it_cannot_shut_the_address_before_out(app, clock, guest, client):
    move(app, clock, guest, THIEF)
    rightful, wrongful = told(app), told(app, THIEF)
    thief = app.test_client()

    pressed = thief.post(wrongful).status_code
    clock.move(timedelta(minutes=1))
    client.post(rightful)

    assert pressed == 303
    assert address_of(app, guest) == EMAIL
    assert all(thief.post(link_in(mail)).status_code == 410 for mail in mails_to(app, THIEF))


def test_nor_by_moving_it_on(app, clock, guest, client):
    move(app, clock, guest, THIEF)
    rightful = told(app)
    clock.move(timedelta(minutes=1))
    move(app, clock, guest, "second@post.example")
    thief = app.test_client()
    thief.post(told(app, THIEF))
    clock.move(timedelta(minutes=1))

    client.post(rightful)

    assert address_of(app, guest) == EMAIL
    for address in (THIEF, "second@post.example"):
        links = {link_in(mail) for mail in mails_to(app, address)}
        assert {thief.post(link).status_code for link in links} == {410}


def test_where_another_account_has_the_address_by_now_the_thief_loses_it_all_the_same(
    app, clock, guest, client
):
    move(app, clock, guest, THIEF)
    path = told(app)
    mine = make_guest(app, clock, EMAIL)
    thief = app.test_client()

    client.post(path)
    way_in = link_in(newest_mail(app))
    thief.post("/account/way-in", data={"name": THIEF})

    assert address_of(app, guest) is None
    assert newest_mail(app)["To"].addresses[0].addr_spec == EMAIL
    assert client.post(way_in).status_code == 303
    with app.app_context():
        assert account_named(EMAIL).id == mine
        assert account_named(THIEF) is None


# -- People of the house ----------------------------------------------------------------------


def test_people_of_the_house_stay_out_until_they_are_let_in(app, clock, client):
    staff = make_house(app, clock)
    thief = app.test_client()
    sign_in_house(thief, staff, clock)

    answer = client.post(told(app, staff.email))
    clock.move(timedelta(minutes=1))
    client.post("/account/way-in", data={"name": staff.email})

    assert answer.location == "/account/secured?house=1&lang=en"
    assert thief.get("/owner/").status_code == 303
    assert "Your account was secured" in newest_mail(app)["Subject"]
    with app.app_context():
        assert db.session.get(Account, staff.account_id).suspended_at == clock() - timedelta(
            minutes=1
        )


def test_the_owner_comes_back_by_the_command(app, clock, client):
    owner = make_house(app, clock, "owner")
    thief = app.test_client()
    sign_in_house(thief, owner, clock)
    client.post(told(app, owner.email))

    answer = client.post(new_link(app, clock))

    assert answer.status_code == 303
    assert client.get("/owner/").status_code == 200


# -- Doors around it --------------------------------------------------------------------------


def test_in_the_browser_that_is_signed_in_the_cookie_goes_too(app, guest, client):
    sign_in_guest(client)
    path = told(app)

    without = client.post(path).status_code
    client.post(path, data={"csrf_token": token_on(client.get(path))})

    assert without == 400
    assert session_cookie(client) is None


def test_a_form_of_another_site_secures_nothing(app, guest, client):
    thief = app.test_client()
    sign_in_guest(thief)

    answer = client.post(told(app), headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403
    assert thief.get("/account/security").status_code == 200


def test_the_page_afterwards_names_nobody(app, guest, client):
    sign_in_guest(app.test_client())

    page = client.get(client.post(told(app)).location)

    assert EMAIL not in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_the_link_in_every_mail_is_whole_and_lies_nowhere(app, guest, instance):
    sign_in_guest(app.test_client())
    path = told(app)
    proof = path.partition("?")[0].rsplit("/", 1)[1].partition("-")[2]

    files = b"".join(file.read_bytes() for file in instance.iterdir() if file.is_file())

    assert len(proof) == 24
    assert proof.encode() not in files
    assert PASSWORD not in newest_mail(app).get_content()


def test_links_of_other_accounts_are_left_alone(app, clock, guest, client):
    other = make_guest(app, clock, "other@post.example")
    for address in (EMAIL, "other@post.example"):
        sign_in_guest(app.test_client(), address)

    client.post(told(app))

    with app.app_context():
        left = db.session.scalars(sa.select(MailLink.account_id).where(MailLink.purpose == TOLD))
        assert other in set(left)
        assert db.session.get(Account, other).password is not None
