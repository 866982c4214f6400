"""An account is opened by a link in a mail; the page never tells who has one already."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from app.accounts import mail_links
from app.accounts.models import Account, Claim, Person
from app.accounts.names import account_named
from app.accounts.registering import MAILS_TO, REGISTERING
from app.core.database import db
from app.core.datamap import Kind
from app.core.languages import LANGUAGES
from app.core.sweeps import sweep_every_minute
from app.core.vault import vault
from app.policy.documents import publish_missing
from app.policy.models import Agreement
from tests.accounts.ways import (
    EMAIL,
    PASSWORD,
    link_in,
    mails,
    make_guest,
    network_of,
    newest_mail,
    session_cookie,
    sign_in_guest,
    spend_all,
    token_on,
)

pytestmark = pytest.mark.clause("C04")

FRESH = "frieda@post.example"


@pytest.fixture
def site(app, clock):
    """The site, with the documents that an account is agreed to by."""
    with app.app_context():
        publish_missing(now=clock())
        db.session.commit()
    return app


def register(client, email=FRESH, password=PASSWORD, *, network="127.0.0.1", **more):
    """Send the form for an account, and return the answer."""
    return client.post(
        "/account/register",
        data={"email": email, "password": password, "agrees": "y", **more},
        environ_overrides={"REMOTE_ADDR": network},
    )


def open_by(client, path, password=PASSWORD):
    """Enter the password on the page behind a link, and return the answer."""
    return client.post(path, data={"password": password})


def mail_to(app, email):
    """Return the newest mail to an address."""
    return next(mail for mail in reversed(mails(app)) if mail["To"].addresses[0].addr_spec == email)


def seen(answer):
    """Return all that a stranger sees of an answer: status, headers but the time, bytes."""
    headers = sorted((n, v) for n, v in answer.headers if n != "Date")
    return answer.status_code, headers, answer.get_data()


def count(app, model):
    """Return how many rows there are."""
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(model))


# -- Asking -----------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_from_the_form_by_the_mail_into_the_account(site, client):
    sent = register(client, username="frieda")
    before = sign_in_guest(site.test_client(), FRESH)
    path = link_in(newest_mail(site))
    page = client.get(path)
    opened = open_by(client, path)

    assert (sent.status_code, sent.location) == (303, "/account/register/sent")
    assert before.status_code == 422  # it opens nothing until its address is proved
    assert "frieda" in page.text
    assert (opened.status_code, opened.location) == (303, "/account?lang=en")
    assert client.get("/account/security").status_code == 200
    assert sign_in_guest(site.test_client(), "frieda").status_code == 303


def test_the_answer_is_the_same_for_who_has_an_account(site, clock):
    make_guest(site, clock, username="greta")

    known, unknown, named = (
        register(site.test_client(), email, username=name)
        for email, name in ((EMAIL, ""), (FRESH, ""), ("felix@post.example", "greta"))
    )

    assert seen(known) == seen(unknown) == seen(named)
    assert known.status_code == 303


def test_who_has_an_account_is_told_by_mail_and_keeps_it_as_it_was(site, clock):
    make_guest(site, clock)
    register(site.test_client(), EMAIL, "a password of somebody else")

    mail = newest_mail(site)

    text = mail.get_content()
    assert "already" in mail["Subject"]
    assert "/account/sign-in" in text
    assert "/account/verify/" not in text
    assert sign_in_guest(site.test_client()).status_code == 303
    other = sign_in_guest(site.test_client(), EMAIL, "a password of somebody else")
    assert other.status_code == 422
    assert count(site, Account) == 1


@pytest.mark.clause("C14")
def test_another_mailbox_that_the_index_takes_for_one_is_told_nobodys_name(site, clock, client):
    account_id = make_guest(site, clock, "voß@post.example")
    with site.app_context():
        account = db.session.get_one(Account, account_id)
        account.person.name = "Viola Voß"
        db.session.commit()
    register(client, "voss@post.example")

    mail = newest_mail(site)

    assert mail["To"].addresses[0].addr_spec == "voss@post.example"
    assert "already" in mail["Subject"]
    assert "Viola" not in mail.as_string()
    assert "Viola" not in mail.get_content()


def test_page_and_address_after_asking_name_nobody(site, client):
    answer = register(client)
    page = client.get(answer.location)

    assert FRESH not in answer.location + answer.text + page.text
    assert urlsplit(answer.location).query == ""
    assert session_cookie(client) is None
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "frieda"}, "email"),
        ({"username": "fr"}, "username"),
        ({"username": "frieda@home"}, "username"),
        ({"username": "frieda r"}, "username"),
        ({"password": ""}, "password"),
        ({"password": "fourteen signs"}, "password"),
        ({"password": "passwordpassword"}, "password"),
        ({"password": "12345678901234567890"}, "password"),
        ({"password": "frieda@post.example"}, "password"),
        ({"password": "friedafriedafrieda", "username": "friedafriedafrieda"}, "password"),
        ({"agrees": ""}, "agrees"),
    ],
)
def test_what_will_not_do_is_said_beside_its_field(site, client, typed, field):
    page = client.post(
        "/account/register",
        data={"email": FRESH, "password": PASSWORD, "agrees": "y", **typed},
    )

    assert page.status_code == 422
    assert f'id="{field}-error"' in page.text
    assert PASSWORD not in page.text
    assert "fourteen signs" not in page.text
    assert mails(site) == []


def test_everything_that_will_not_do_is_said_at_once(site, client):
    page = client.post(
        "/account/register", data={"email": "frieda", "username": "f", "password": "short"}
    )

    for field in ("email", "username", "password", "agrees"):
        assert f'id="{field}-error"' in page.text


def test_the_form_says_why_nobody_needs_an_account(client):
    page = client.get("/account/register").text

    assert "You never need one" in page
    assert 'href="/terms"' in page
    assert 'href="/privacy"' in page
    assert 'autocomplete="new-password"' in page
    assert " checked" not in page


def test_a_robot_that_fills_in_everything_is_asked_again(site, client):
    page = register(client, website="https://robots.example")

    assert page.status_code == 422
    assert mails(site) == []


def test_more_fields_than_asked_for_do_nothing(site, client):
    register(client, role="owner", verified_at="2031-01-01", totp="A" * 32, person_id="x")
    open_by(client, link_in(newest_mail(site)))

    with site.app_context():
        account = db.session.scalar(sa.select(Account))
        assert (account.role, account.totp) == ("guest", None)
    assert client.get("/owner/").status_code == 404


def test_what_was_agreed_to_is_kept_with_the_request(site, client):
    register(client)

    with site.app_context():
        account = db.session.scalar(sa.select(Account))
        agreed = db.session.scalars(sa.select(Agreement)).all()
        assert {row.person_id for row in agreed} == {account.person_id}
        assert {row.reservation_reference for row in agreed} == {None}
    assert len(agreed) == 2


def test_an_account_speaks_the_language_it_was_asked_for_in(site, client):
    client.post(
        "/account/register?lang=de", data={"email": FRESH, "password": PASSWORD, "agrees": "y"}
    )

    mail = newest_mail(site)

    assert mail["Content-Language"] == "de"
    assert "?lang=de" in link_in(mail)


def test_whoever_is_in_needs_no_other_account(site, clock, client):
    make_guest(site, clock)
    sign_in_guest(client)

    assert client.get("/account/register").location == "/account"


# -- Limits -----------------------------------------------------------------------------------


def test_nobodys_mailbox_is_filled_by_others(site, clock):
    answers = [
        register(site.test_client(), network=f"203.0.{n}.1") for n in range(MAILS_TO.burst + 3)
    ]

    assert len(mails(site)) == MAILS_TO.burst
    assert len({str(seen(answer)) for answer in answers}) == 1

    clock.move(timedelta(hours=1) / MAILS_TO.per_hour)
    register(site.test_client())

    assert len(mails(site)) == MAILS_TO.burst + 1


def test_one_network_cannot_write_to_the_whole_world(site, clock):
    spend_all(site, REGISTERING, network_of(site, "127.0.0.1"), but=2)

    answers = [register(site.test_client(), f"guest{n}@post.example") for n in range(4)]
    elsewhere = register(site.test_client(), network="203.0.113.1")

    assert [answer.status_code for answer in answers] == [303, 303, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert 'value="guest3@post.example"' in answers[-1].text
    assert elsewhere.status_code == 303


# -- The link ---------------------------------------------------------------------------------


def test_who_has_the_mailbox_but_not_the_password_opens_nothing_for_somebody_else(site, client):
    """Or a thief would ask for an account under your address, and you would open it for them."""
    register(site.test_client(), password="the thief chose this one")
    path = link_in(newest_mail(site))

    without = client.post(path)
    guessed = open_by(client, path, "a password of my own")

    assert (without.status_code, guessed.status_code) == (422, 422)
    assert 'id="password-error"' in guessed.text
    # There is no account yet whose password it could be.
    assert "That isn’t the password you chose." in guessed.text
    assert "of your account" not in guessed.text
    assert session_cookie(client) is None
    thief = sign_in_guest(site.test_client(), FRESH, "the thief chose this one")
    assert thief.status_code == 422


def test_the_password_of_a_request_is_not_guessed_for_long(site, client):
    register(client)
    path = link_in(newest_mail(site))

    statuses = [open_by(client, path, f"guess number {n:06}").status_code for n in range(12)]

    assert statuses[0] == 422
    assert statuses[-1] == 429


def test_opening_the_link_consumes_nothing_and_its_button_works_once(site, client):
    register(client)
    path = link_in(newest_mail(site))

    looks = [site.test_client().get(path).status_code for _ in range(3)]
    uses = [open_by(site.test_client(), path).status_code for _ in range(2)]

    assert looks == [200, 200, 200]
    assert uses == [303, 410]
    assert site.test_client().get(path).status_code == 410


def test_a_link_of_yesterday_opens_nothing_and_the_request_goes(site, clock, client):
    register(client)
    path = link_in(newest_mail(site))

    clock.move(mail_links.LIFE[mail_links.VERIFY])
    answer = open_by(client, path)
    with site.app_context():
        sweep_every_minute(clock())

    assert answer.status_code == 410
    assert count(site, Account) == count(site, Person) == 0


@pytest.mark.parametrize("token", ["1", "1-", "1-x", "-", "x-y", "9" * 40 + "-x", "1-é", "%00"])
def test_a_made_up_link_is_useless(site, client, token):
    register(client)
    newest_mail(site)

    for door in ("verify", "way-in", "not-me", "invited"):
        assert client.get(f"/account/{door}/{token}").status_code == 410
        assert client.post(f"/account/{door}/{token}").status_code == 410


def test_a_link_for_one_purpose_opens_no_other_door(site, client):
    register(client)
    token = link_in(newest_mail(site)).rsplit("/", 1)[1]

    for door in ("way-in", "not-me", "invited"):
        assert client.post(f"/account/{door}/{token}").status_code == 410


def test_the_link_has_nothing_personal_in_it_and_lies_nowhere(site, client, instance):
    register(client, username="frieda")
    path = link_in(newest_mail(site))
    token = urlsplit(path).path.rsplit("/", 1)[1]

    files = b"".join(file.read_bytes() for file in instance.iterdir() if file.is_file())

    assert "frieda" not in path
    assert token.encode() not in files
    assert token.partition("-")[2].encode() not in files
    assert FRESH.encode() not in files
    assert PASSWORD.encode() not in files


@pytest.mark.both_databases
def test_of_two_requests_for_one_address_the_first_link_opens_and_the_other_is_useless(site):
    ways = []
    for password in (PASSWORD, "a second heron in the reeds"):
        register(site.test_client(), password=password)
        ways.append((link_in(mail_to(site, FRESH)), password))
    barrier = Barrier(2)

    def use(way):
        barrier.wait()
        return open_by(site.test_client(), *way).status_code

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(use, ways))

    assert statuses == [303, 410]
    with site.app_context():
        assert account_named(FRESH) is not None


def test_a_user_name_that_somebody_took_meanwhile_is_left_out(site, clock, client):
    register(client, username="greta")
    path = link_in(newest_mail(site))
    make_guest(site, clock, username="greta")

    opened = open_by(client, path)

    assert opened.status_code == 303
    assert sign_in_guest(site.test_client(), FRESH).status_code == 303
    assert sign_in_guest(site.test_client(), "greta").status_code == 303
    with site.app_context():
        assert account_named(FRESH).username is None


def test_earlier_bookings_under_the_address_are_claimed_by_the_link(site, clock, client):
    with site.app_context():
        person = Person(id=vault().new_person(), created_at=clock())
        person.email = FRESH
        vault().index(person.id, Kind.EMAIL, FRESH)
        db.session.add(person)
        db.session.commit()
        guest_id = person.id
    register(client)
    assert count(site, Claim) == 0

    open_by(client, link_in(newest_mail(site)))

    with site.app_context():
        claim = db.session.get(Claim, guest_id)
        assert claim.account_id == account_named(FRESH).id


def test_opening_an_account_ends_the_session_that_the_browser_had(site, clock, client):
    make_guest(site, clock)
    register(site.test_client())
    path = link_in(newest_mail(site))
    sign_in_guest(client)
    before = session_cookie(client)

    client.post(path, data={"csrf_token": token_on(client.get(path)), "password": PASSWORD})

    thief = site.test_client()
    thief.set_cookie("session", before, domain="localhost")
    assert session_cookie(client) != before
    assert thief.get("/account/security").status_code == 303


# -- An invitation ----------------------------------------------------------------------------


@pytest.fixture
def invitation(app, clock):
    """The path of the link in the mail to Stine, whom the owner has invited."""
    with app.app_context():
        person = Person(id=vault().new_person(), created_at=clock())
        person.name, person.email = "Stine", "stine@post.example"
        account = Account(person=person, role="staff", created_at=clock(), language="en")
        db.session.add(account)
        db.session.flush()
        mail_links.send(account, mail_links.INVITE, to="stine@post.example", now=clock())
        db.session.commit()
    return link_in(newest_mail(app))


def test_an_invitation_asks_for_a_password_and_then_for_a_second_factor(app, client, invitation):
    page = client.get(invitation)
    answer = client.post(invitation, data={"password": "reed bow 7"})

    assert "Welcome, Stine" in page.text
    assert (answer.status_code, answer.location) == (303, "/account/security?lang=en#second")
    assert client.get("/owner/").location == "/account/security#second"
    assert sign_in_guest(app.test_client(), "stine@post.example", "reed bow 7").status_code == 303


def test_an_invitation_works_once_and_not_for_a_weak_password(app, client, invitation):
    weak = [
        client.post(invitation, data={"password": password}).status_code
        for password in ("", "seven s", "password", "stine123")
    ]
    uses = [
        app.test_client().post(invitation, data={"password": "reed bow 7"}).status_code
        for _ in range(2)
    ]

    assert weak == [422] * 4
    assert uses == [303, 410]


def test_an_invitation_to_an_address_with_a_guests_account_says_what_to_do(
    app, clock, client, invitation
):
    make_guest(app, clock, "stine@post.example")

    page = client.post(invitation, data={"password": "reed bow 7"})

    assert page.status_code == 422
    assert "invite you at another address" in page.text
    assert sign_in_guest(app.test_client(), "stine@post.example").status_code == 303


def test_who_was_invited_gets_in_by_nothing_before(app, client, invitation):
    client.post("/account/way-in", data={"name": "stine@post.example"})

    assert len(mails(app)) == 1
    assert sign_in_guest(client, "stine@post.example", "").status_code == 422


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_and_mail_of_it_is_there_in_each_language(site, client, language):
    client.post(
        f"/account/register?lang={language}",
        data={"email": FRESH, "password": PASSWORD, "agrees": "y"},
    )
    mail = newest_mail(site)

    pages = [client.get(p) for p in (f"/account/register?lang={language}", link_in(mail))]

    assert {page.status_code for page in pages} == {200}
    assert mail["Content-Language"] == language
