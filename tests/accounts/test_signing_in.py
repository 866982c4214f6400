"""A right name, password and code open one session; whatever is wrong is answered alike."""

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa

from app import create_app
from app.accounts.codes import new_recovery_codes
from app.accounts.entering import (
    CODES,
    NAME_ANYWHERE,
    NAME_HERE,
    NETWORK,
    name_pseudonym,
)
from app.accounts.models import Account, SessionRow
from app.accounts.passwords import MOST
from app.accounts.tickets import LIFE, MOST_TRIES
from app.core.database import db
from tests.accounts.ways import (
    EMAIL,
    PASSWORD,
    is_in,
    link_in,
    mails,
    make_guest,
    make_house,
    network_of,
    new_link,
    newest_mail,
    session_cookie,
    sign_in_guest,
    sign_in_house,
    spend_all,
    token_on,
)

pytestmark = pytest.mark.clause("C04")

NETWORKS = tuple(f"203.0.{n}.7" for n in range(30))
WRONG = "not the password at all"


def account_page(client):
    """Say whether a page of the account opens."""
    answer = client.get("/account/security")
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def seen(answer):
    """Return all that a stranger sees of an answer: status, headers but the time, bytes."""
    headers = sorted((n, v) for n, v in answer.headers if n != "Date")
    return answer.status_code, headers, answer.get_data()


def change(app, account_id, **values):
    """Change an account behind the site's back."""
    with app.app_context():
        account = db.session.get(Account, account_id)
        for name, value in values.items():
            setattr(account, name, value)
        db.session.commit()


@pytest.fixture
def guest(app, clock):
    """Greta, who has an account."""
    return make_guest(app, clock, username="greta")


@pytest.fixture
def staff(app, clock):
    """Stine, who helps to run the place and has an app for codes."""
    return make_house(app, clock, "staff")


# -- Name and password ------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.parametrize("name", ["greta", "GRETA", EMAIL, f" {EMAIL.upper()} ", "\uff47reta"])
def test_a_name_or_an_address_opens_the_account_with_its_password(guest, client, name):
    answer = sign_in_guest(client, name)

    assert (answer.status_code, answer.location) == (303, "/account")
    assert account_page(client)


def test_no_page_of_the_door_gives_a_stranger_a_cookie_or_is_kept(guest, staff, client):
    step = sign_in_guest(client, staff.email)
    pages = [
        client.get("/account/sign-in"),
        sign_in_guest(client, EMAIL, WRONG),
        step,
        client.get(step.location),
    ]

    assert [page.status_code for page in pages] == [200, 422, 303, 200]
    assert all("Set-Cookie" not in page.headers for page in pages)
    assert {page.headers["Cache-Control"] for page in pages} == {"no-store"}


def test_a_wrong_name_is_answered_exactly_as_a_wrong_password(app, clock, guest):
    barred = make_guest(app, clock, "bardo@post.example")
    change(app, barred, suspended_at=clock())
    asked_for = make_guest(app, clock, "asker@post.example")
    change(app, asked_for, verified_at=None)
    tries = {
        EMAIL: WRONG,
        "nobod@post.example": PASSWORD,
        "bardo@post.example": PASSWORD,
        "asker@post.example": PASSWORD,
    }

    answers = {
        name: sign_in_guest(app.test_client(), name, password) for name, password in tries.items()
    }

    for name, answer in answers.items():
        status, headers, body = seen(answer)
        assert (status, headers) == seen(answers[EMAIL])[:2]
        assert body.replace(name.encode(), EMAIL.encode()) == answers[EMAIL].get_data()
    assert "don’t belong together" in answers[EMAIL].text
    assert answers[EMAIL].status_code == 422


def test_the_name_is_kept_and_the_password_never(guest, client):
    page = sign_in_guest(client, "greta", WRONG)

    assert 'value="greta"' in page.text
    assert WRONG not in page.text


@pytest.mark.parametrize(
    "name", ["<b>", "a@b@c", "g" * 250, "' OR 1=1 --", "%00", "👩🏽‍🚀", "a\x07", "greta\x00"]
)
def test_names_of_any_shape_are_wrong_names(guest, client, name):
    assert sign_in_guest(client, name).status_code == 422
    assert session_cookie(client) is None


@pytest.mark.parametrize("password", [PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1], "é" * MOST])
def test_nothing_of_a_password_is_overlooked(guest, client, password):
    assert sign_in_guest(client, EMAIL, password).status_code == 422


def test_a_password_is_the_same_however_a_keyboard_composes_it(app, clock, client):
    make_guest(app, clock, password="Fünf Rohrdommeln im Schilf")

    assert sign_in_guest(client, EMAIL, "Fu\u0308nf Rohrdommeln im Schilf").status_code == 303


def test_nothing_typed_is_nothing_tried(guest, client):
    for typed in ({}, {"name": EMAIL}, {"password": PASSWORD}):
        page = client.post("/account/sign-in", data=typed)

        assert page.status_code == 422
        assert "aria-invalid" in page.text
        assert session_cookie(client) is None


def test_more_fields_than_asked_for_do_nothing(app, guest, client):
    sign_in_guest(client, EMAIL, role="owner", strong="1", account_id="1", verified_at="x")

    assert client.get("/owner/").status_code == 404


def test_whoever_is_in_already_is_sent_on(guest, client):
    sign_in_guest(client)

    page = client.get("/account/sign-in")
    again = client.post(
        "/account/sign-in",
        data={"csrf_token": token_on(client.get("/account/security")), "name": "x"},
    )

    assert (page.status_code, page.location) == (303, "/account")
    assert (again.status_code, again.location) == (303, "/account")


def test_browsers_and_password_managers_know_the_fields(client):
    page = client.get("/account/sign-in").text

    assert 'autocomplete="username webauthn"' in page
    assert 'autocomplete="current-password"' in page
    assert "onpaste" not in page


def test_a_form_of_another_site_signs_nobody_in(guest, client):
    answer = client.post(
        "/account/sign-in",
        data={"name": EMAIL, "password": PASSWORD},
        headers={"Sec-Fetch-Site": "cross-site"},
    )

    assert answer.status_code == 403
    assert session_cookie(client) is None


# -- The session ------------------------------------------------------------------------------


def test_a_planted_cookie_becomes_nobodys(app, guest, client):
    attacker = app.test_client()
    for browser in (client, attacker):
        browser.set_cookie("session", "p" * 43, domain="localhost")

    sign_in_guest(client)

    assert session_cookie(client) != "p" * 43
    assert account_page(client)
    assert not account_page(attacker)


def test_signing_in_as_somebody_else_ends_the_session_before(app, clock, guest, client):
    sign_in_guest(client)
    before = session_cookie(client)
    token = token_on(client.get("/account/security"))
    client.post(new_link(app, clock), data={"csrf_token": token})

    thief = app.test_client()
    thief.set_cookie("session", before, domain="localhost")

    assert is_in(client)
    assert not account_page(thief)


def test_a_copy_of_the_cookie_dies_with_signing_out(app, guest, client):
    sign_in_guest(client)
    thief = app.test_client()
    thief.set_cookie("session", session_cookie(client), domain="localhost")
    assert account_page(thief)

    client.post("/account/sign-out", data={"csrf_token": token_on(client.get("/account/security"))})

    assert session_cookie(client) is None
    assert not account_page(thief)


def test_every_sign_in_is_told_with_the_device_and_a_way_to_say_no(app, guest, client):
    client.post(
        "/account/sign-in",
        data={"name": EMAIL, "password": PASSWORD},
        headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130.0"},
    )

    mail = newest_mail(app)

    assert mail["To"].addresses[0].addr_spec == EMAIL
    assert "Somebody signed in to your account" in mail["Subject"]
    assert "Firefox on Linux" in mail.get_content()
    assert link_in(mail).startswith("/account/not-me/")


# -- The second step --------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_password_and_a_code_open_the_owners_pages(staff, clock, client):
    answer = sign_in_house(client, staff, clock)

    assert (answer.status_code, answer.location) == (303, "/owner/")
    assert is_in(client)


def test_between_the_steps_nothing_is_open(app, staff, client):
    step = sign_in_guest(client, staff.email)

    assert step.location.startswith("/account/sign-in/")
    assert session_cookie(client) is None
    for path in ("/account", "/account/security", "/account/confirm", "/owner/", "/account/email"):
        answer = client.get(path)
        assert answer.status_code == 303
        assert answer.location.startswith("/account/sign-in?next="), path
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(SessionRow)) == 0


def test_a_code_works_once(app, clock, staff):
    first, second = app.test_client(), app.test_client()
    steps = [sign_in_guest(one, staff.email).location for one in (first, second)]
    code = staff.code(clock())

    answers = [
        first.post(steps[0], data={"code": code}),
        second.post(steps[1], data={"code": code}),
    ]

    assert [answer.status_code for answer in answers] == [303, 422]
    assert session_cookie(second) is None


def test_a_ticket_works_once(app, clock, staff, client):
    step = sign_in_guest(client, staff.email).location
    client.post(step, data={"code": staff.code(clock())})
    clock.move(timedelta(seconds=30))

    other = app.test_client()

    assert other.get(step).status_code == 410
    assert other.post(step, data={"code": staff.code(clock())}).status_code == 410


def test_a_ticket_has_five_tries(clock, staff, client):
    step = sign_in_guest(client, staff.email).location
    wrong = f"{(int(staff.code(clock())) + 1) % 10**6:06}"

    answers = [client.post(step, data={"code": wrong}).status_code for _ in range(MOST_TRIES + 1)]

    assert answers == [422] * (MOST_TRIES - 1) + [410, 410]
    assert client.post(step, data={"code": staff.code(clock())}).status_code == 410


def test_tries_that_come_at_once_are_all_counted(app, clock, staff, client):
    step = sign_in_guest(client, staff.email).location
    wrong = [f"{(int(staff.code(clock())) + 7 * n + 1) % 10**6:06}" for n in range(12)]
    barrier = Barrier(12)

    def guess(code):
        browser = app.test_client()
        barrier.wait()
        return browser.post(step, data={"code": code}).status_code

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(guess, wrong))

    assert client.post(step, data={"code": staff.code(clock())}).status_code == 410


def test_a_ticket_runs_out(clock, staff, client):
    step = sign_in_guest(client, staff.email).location

    clock.move(LIFE)

    assert client.get(step).status_code == 410
    assert client.post(step, data={"code": staff.code(clock())}).status_code == 410


def test_a_code_in_another_accounts_step_opens_nothing(app, clock, staff, client):
    other = make_house(app, clock, "reader")
    step = sign_in_guest(client, staff.email).location

    assert client.post(step, data={"code": other.code(clock())}).status_code == 422


def test_who_is_barred_between_the_steps_stays_out(app, clock, staff, client):
    step = sign_in_guest(client, staff.email).location
    change(app, staff.account_id, suspended_at=clock())

    assert client.post(step, data={"code": staff.code(clock())}).status_code == 410


def test_a_made_up_ticket_is_as_useless_as_a_used_one(app, clock, staff, client):
    step = sign_in_guest(client, staff.email).location
    client.post(step, data={"code": staff.code(clock())})

    stranger = app.test_client()
    pages = [stranger.get(path) for path in (step, "/account/sign-in/" + "x" * 32)]

    assert {page.status_code for page in pages} == {410}
    mains = {page.text.split("<main")[1].split("</main>")[0] for page in pages}
    assert len(mains) == 1


def test_a_recovery_code_stands_in_once_and_is_told(app, clock, staff):
    with app.app_context():
        codes = new_recovery_codes(db.session.get(Account, staff.account_id))
        db.session.commit()
    answers = []
    for typed in (codes[0].upper().replace("-", " "), codes[0]):
        browser = app.test_client()
        step = sign_in_guest(browser, staff.email)
        answers.append(browser.post(step.location, data={"code": typed}).status_code)

    assert answers == [303, 422]
    assert any("with a recovery code" in mail["Subject"] for mail in mails(app))


def test_code_guesses_are_bounded_over_many_tickets(app, clock, staff):
    wrong = f"{(int(staff.code(clock())) + 1) % 10**6:06}"
    statuses = []
    for network in NETWORKS[: CODES.burst // (MOST_TRIES - 1) + 2]:
        browser = app.test_client()
        environ = {"REMOTE_ADDR": network}
        step = browser.post(
            "/account/sign-in",
            data={"name": staff.email, "password": staff.password},
            environ_overrides=environ,
        ).location
        statuses += [
            browser.post(step, data={"code": wrong}, environ_overrides=environ).status_code
            for _ in range(MOST_TRIES - 1)
        ]

    assert statuses.count(422) == CODES.burst
    assert set(statuses[CODES.burst :]) == {429}


def test_one_factor_of_somebody_of_the_house_opens_no_page_of_the_owner(app, clock, client):
    staff = make_house(app, clock)
    change(app, staff.account_id, totp=None)

    landed = sign_in_guest(client, staff.email)

    assert landed.location == "/owner/"
    assert client.get("/owner/").location == "/account/security#second"


# -- Limits -----------------------------------------------------------------------------------


def guess(app, name, *, network, times, password=WRONG):
    """Try a password from a network again and again; return the statuses."""
    return [
        app.test_client()
        .post(
            "/account/sign-in",
            data={"name": name, "password": password},
            environ_overrides={"REMOTE_ADDR": network},
        )
        .status_code
        for _ in range(times)
    ]


def test_guessing_at_one_name_is_slowed_down(app, guest):
    statuses = guess(app, EMAIL, network=NETWORKS[0], times=NAME_HERE.burst + 2)

    assert statuses == [422] * NAME_HERE.burst + [429, 429]


def test_the_answer_says_how_long_to_wait_and_which_way_is_open(app, guest, client):
    guess(app, EMAIL, network="127.0.0.1", times=NAME_HERE.burst)

    page = sign_in_guest(client)

    assert page.status_code == 429
    assert int(page.headers["Retry-After"]) > 0
    assert f'value="{EMAIL}"' in page.text
    assert 'href="/account/way-in"' in page.text
    assert session_cookie(client) is None


def test_an_unknown_name_is_slowed_down_as_well(app):
    statuses = guess(app, "nobody@post.example", network=NETWORKS[0], times=NAME_HERE.burst + 1)

    assert statuses == [422] * NAME_HERE.burst + [429]


def test_the_rightful_person_gets_in_from_another_network(app, guest, client):
    guess(app, EMAIL, network=NETWORKS[0], times=NAME_HERE.burst + 5)

    assert sign_in_guest(client).status_code == 303


def test_a_wait_gives_the_tries_back(app, clock, guest, client):
    guess(app, EMAIL, network="127.0.0.1", times=NAME_HERE.burst + 30)

    clock.move(timedelta(hours=1) / NAME_HERE.per_hour)

    assert sign_in_guest(client).status_code == 303


@pytest.mark.parametrize(
    "spelling", [EMAIL, EMAIL.upper(), "\uff47reta@post.example", f" {EMAIL} "]
)
def test_another_spelling_of_a_name_is_no_other_name(app, guest, spelling):
    guess(app, EMAIL, network=NETWORKS[0], times=NAME_HERE.burst)

    assert guess(app, spelling, network=NETWORKS[0], times=1) == [429]


def test_guessing_from_many_networks_is_bounded_and_mail_still_leads_in(app, guest, client):
    with app.app_context():
        who = name_pseudonym(EMAIL)
    spend_all(app, NAME_ANYWHERE, who, but=3)
    statuses = [guess(app, EMAIL, network=network, times=1)[0] for network in NETWORKS[:5]]

    locked = sign_in_guest(client).status_code
    client.post("/account/way-in", data={"name": EMAIL})
    answer = client.post(link_in(newest_mail(app)))

    assert statuses == [422] * 3 + [429] * 2
    assert locked == 429
    assert answer.status_code == 303
    assert account_page(client)


def test_guessing_at_many_names_from_one_network_is_bounded(app, guest, client):
    spend_all(app, NETWORK, network_of(app, NETWORKS[0]), but=2)

    statuses = [
        guess(app, f"guest{n}@post.example", network=NETWORKS[0], times=1)[0] for n in range(4)
    ]

    assert statuses == [422, 422, 429, 429]
    assert sign_in_guest(client).status_code == 303


def test_limits_outlive_the_process_that_counted(app, settings, clock, guest):
    guess(app, EMAIL, network=NETWORKS[0], times=NAME_HERE.burst)

    restarted = create_app(settings, clock=clock)

    assert guess(restarted, EMAIL, network=NETWORKS[0], times=1) == [429]


@pytest.mark.both_databases
def test_guesses_that_come_at_once_are_all_counted(app, guest):
    many = NAME_HERE.burst + 6
    barrier = Barrier(many)

    def one(_number):
        barrier.wait()
        return guess(app, EMAIL, network=NETWORKS[0], times=1)[0]

    with ThreadPoolExecutor(many) as pool:
        statuses = sorted(pool.map(one, range(many)))

    assert statuses == [422] * NAME_HERE.burst + [429] * 6


def test_an_open_session_is_not_disturbed_by_guessing(app, guest, client):
    sign_in_guest(client)

    guess(app, EMAIL, network="127.0.0.1", times=NAME_HERE.burst + 3)

    assert account_page(client)


def test_neither_ticket_nor_code_lies_in_the_database(app, staff, client, instance):
    step = sign_in_guest(client, staff.email).location
    ticket = step.rsplit("/", 1)[1]

    files = b"".join(file.read_bytes() for file in instance.iterdir() if file.is_file())

    assert ticket.encode() not in files
    assert staff.secret.encode() not in files
    assert base64.b32decode(staff.secret) not in files
