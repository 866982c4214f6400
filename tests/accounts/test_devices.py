"""Whoever is signed in sees where, in plain words, and can end each of it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import SessionRow
from app.accounts.sessions import IDLE_LIMIT
from app.core.database import db
from tests.accounts.ways import (
    let_in,
    make_guest,
    make_house,
    session_cookie,
    sign_in_guest,
    token_on,
)

pytestmark = pytest.mark.clause("C04")

PAGE = "/account/security"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def guest(app, clock, client):
    """The id of an account that `client` is signed in to with Firefox."""
    account_id = make_guest(app, clock)
    client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    assert sign_in_guest(client).status_code == 303
    return account_id


def on_a_phone(app):
    phone = app.test_client()
    phone.environ_base["HTTP_USER_AGENT"] = PHONE
    assert sign_in_guest(phone).status_code == 303
    return phone


def end(client, number):
    token = token_on(client.get(PAGE))
    return client.post(f"{PAGE}/devices/{number}/end", data={"csrf_token": token})


def rows(app, account_id):
    """Return the numbers of an account's sessions, oldest first."""
    query = sa.select(SessionRow.id).where(SessionRow.account_id == account_id)
    with app.app_context():
        return list(db.session.scalars(query.order_by(SessionRow.id)))


def devices_on(page):
    """Return what the page's last list says, one text a device."""
    part = page.text.split('id="devices"')[1].split("</section>")[0]
    return [item.split("</li>")[0] for item in part.split("<li")[1:]]


def test_devices_are_called_what_they_are_the_one_at_hand_first(app, clock, client, guest):
    clock.move(timedelta(minutes=5))
    on_a_phone(app)
    clock.move(timedelta(minutes=2))

    here, there = devices_on(client.get(PAGE))

    assert "Firefox on Linux" in here
    assert ">this device<" in here
    assert "Signed in 7 minutes ago, last used just now" in here
    assert "after 30 minutes without use, and after 12 hours at the latest" in here
    assert "Safari on iOS" in there
    assert ">this device<" not in there
    assert "Signed in 2 minutes ago" in there


def test_a_device_is_signed_out_by_its_button(app, client, guest):
    phone = on_a_phone(app)

    answer = end(client, rows(app, guest)[-1])

    assert answer.location == f"{PAGE}?done=device_ended#devices"
    assert phone.get(PAGE).status_code == 303
    assert client.get(PAGE).status_code == 200


def test_all_others_are_signed_out_together(app, client, guest):
    phones = [on_a_phone(app) for _ in range(2)]

    token = token_on(client.get(PAGE))
    answer = client.post(f"{PAGE}/devices/end-others", data={"csrf_token": token})

    assert answer.location == f"{PAGE}?done=others_ended#devices"
    assert [one.get(PAGE).status_code for one in (client, *phones)] == [200, 303, 303]


def test_the_one_at_hand_goes_as_by_signing_out(app, client, guest):
    copied = app.test_client()
    copied.set_cookie("session", session_cookie(client), domain="localhost")

    answer = end(client, rows(app, guest)[0])

    assert answer.location == "/account/signed-out"
    assert session_cookie(client) is None
    assert copied.get(PAGE).status_code == 303


@pytest.mark.parametrize("number", ["0", "99999", "2147483647", "99999999999999999999"])
def test_what_is_not_there_is_not_there(client, guest, number):
    assert end(client, number).status_code == 404


def test_nobody_signs_out_somebody_else(app, clock, client, guest):
    other_id = make_guest(app, clock, "otto@post.example")
    other = let_in(app, clock, app.test_client(), other_id)

    answer = end(client, rows(app, other_id)[0])

    assert answer.status_code == 404
    assert other.get(PAGE).status_code == 200
    assert "Otto" not in client.get(PAGE).text
    assert len(devices_on(client.get(PAGE))) == 1


def test_a_session_that_ran_out_is_on_no_list(app, clock, client, guest):
    on_a_phone(app)
    clock.move(IDLE_LIMIT - timedelta(minutes=5))
    client.get(PAGE)
    clock.move(timedelta(minutes=5))

    assert len(devices_on(client.get(PAGE))) == 1


def test_people_of_the_house_are_signed_out_sooner(app, clock, client):
    let_in(app, clock, client, make_house(app, clock).account_id, strong=True)

    (here,) = devices_on(client.get(PAGE))

    assert "after 15 minutes without use, and after 8 hours at the latest" in here


def test_a_device_that_does_not_say_what_it_is_has_a_name_too(app, clock, client):
    let_in(app, clock, client, make_guest(app, clock))

    (here,) = devices_on(client.get(PAGE))

    assert "a device that doesn’t say what it is" in here


def test_ending_a_device_takes_a_fresh_proof(app, clock, client, guest):
    phone = on_a_phone(app)
    token = token_on(client.get(PAGE))
    clock.move(timedelta(minutes=10))

    answer = client.post(f"{PAGE}/devices/{rows(app, guest)[-1]}/end", data={"csrf_token": token})

    assert answer.location == "/account/confirm?next=/account/security"
    assert phone.get(PAGE).status_code == 200
