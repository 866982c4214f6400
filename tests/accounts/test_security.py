"""The page of an account's security shows its person what there is, and nothing secret."""

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from app import create_app
from app.accounts.models import Account
from app.accounts.routes.security import DONE
from app.core.database import db
from tests.accounts.authenticator import Authenticator
from tests.accounts.ways import (
    PASSWORD,
    kept,
    let_in,
    make_guest,
    make_house,
    sign_in,
    sign_in_house,
    token_on,
)

pytestmark = pytest.mark.clause("C04")

PAGE = "/account/security"
PAGES = (PAGE, f"{PAGE}/password", f"{PAGE}/codes")
BUTTONS = (
    f"{PAGE}/codes/remove",
    f"{PAGE}/recovery-codes",
    f"{PAGE}/passkeys",
    f"{PAGE}/passkeys/options",
    f"{PAGE}/passkeys/1/remove",
    f"{PAGE}/devices/1/end",
    f"{PAGE}/devices/end-others",
)


@pytest.fixture
def guest(app, clock, client):
    """The id of an account that `client` is signed in to."""
    account_id = make_guest(app, clock)
    let_in(app, clock, client, account_id)
    return account_id


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_asked_to_sign_in_and_led_back(client, path):
    answer = client.get(path)

    assert (answer.status_code, answer.location) == (303, f"/account/sign-in?next={path}")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", BUTTONS)
def test_a_strangers_press_does_nothing(client, path):
    answer = client.post(path)

    assert (answer.status_code, answer.location) == (303, "/account/sign-in")


@pytest.mark.parametrize("path", BUTTONS)
def test_no_button_is_pressed_without_the_token(client, guest, path):
    assert client.post(path).status_code == 400
    assert client.post(path, data={"csrf_token": "made up"}).status_code == 400


@pytest.mark.parametrize("path", BUTTONS)
def test_buttons_are_no_pages(client, guest, path):
    assert client.get(path).status_code == 405


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_are_kept_nowhere_and_hold_nothing_of_the_credentials(app, client, guest, path):
    page = client.get(path)

    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert kept(PASSWORD) not in page.text
    assert "$argon2" not in page.text


def test_only_pages_with_passkeys_open_them(client, guest):
    def policy(path):
        return client.get(path).headers["Permissions-Policy"]

    assert "publickey-credentials-create=(self)" in policy(PAGE)
    assert "publickey-credentials-get=(self)" in policy(PAGE)
    assert "publickey-credentials-create=()" in policy(f"{PAGE}/password")
    assert "publickey-credentials-get=()" in policy(f"{PAGE}/password")


def test_the_door_opens_passkeys_and_their_buttons_wait_for_a_script(app):
    page = app.test_client().get("/account/sign-in?next=/account/profile")

    form = BeautifulSoup(page.text, "html.parser").find("form", attrs={"data-passkey": True})
    assert "publickey-credentials-get=(self)" in page.headers["Permissions-Policy"]
    assert form.has_attr("hidden")
    assert form.find("input", attrs={"name": "next"})["value"] == "/account/profile"
    assert form.find("button")["type"] == "button"


def test_a_door_at_a_bare_number_has_no_passkeys(settings, clock):
    app = create_app(replace(settings, site_url="http://127.0.0.1:8000"), clock=clock)
    client = app.test_client()

    page = client.get("/account/sign-in", base_url="http://127.0.0.1:8000")
    asked = client.post("/account/sign-in/passkey/options", base_url="http://127.0.0.1:8000")

    assert "data-passkey" not in page.text
    assert "publickey-credentials-get=()" in page.headers["Permissions-Policy"]
    assert asked.status_code == 404


@pytest.mark.parametrize("what", sorted(DONE))
def test_what_was_done_is_said_when_the_page_opens_again(client, guest, what):
    page = client.get(f"{PAGE}?done={what}")

    assert 'class="notice notice--success" role="status"' in page.text


def test_nothing_else_can_be_put_into_its_mouth(client, guest):
    page = client.get(f"{PAGE}?done=Your+bank+needs+your+code")

    assert "notice--success" not in page.text
    assert "Your bank" not in page.text


def test_somebody_of_the_house_with_one_factor_is_told_what_is_missing(app, clock, client):
    member = make_house(app, clock)
    let_in(app, clock, client, member.account_id)
    with app.app_context():
        db.session.get(Account, member.account_id).totp = None
        db.session.commit()

    weak = client.get(PAGE)
    strong = let_in(app, clock, app.test_client(), member.account_id, strong=True).get(PAGE)

    assert "set up codes or a passkey here" in weak.text
    assert "One more thing" not in strong.text


def test_the_owner_sets_everything_up_from_the_commands_link(app, clock, client):
    sign_in(app, clock, client)
    token = token_on(client.get(PAGE))
    device = Authenticator()

    asked = client.post(f"{PAGE}/passkeys/options", data={"csrf_token": token}).json
    made = {"credential": device.make(asked["options"]), "ticket": asked["ticket"]}
    added = client.post(f"{PAGE}/passkeys", data={**made, "csrf_token": token})

    assert asked["options"]["user"]["name"] == "Reserved"
    assert added.status_code == 200
    assert client.get(f"{PAGE}/password").status_code == 200


def test_staff_come_to_the_page_as_guests_do(app, clock, client):
    member = make_house(app, clock, role="reader")

    sign_in_house(client, member, clock)

    assert client.get(PAGE).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_few_queries(client, guest, count_queries, path):
    with count_queries() as sent:
        assert client.get(path).status_code == 200

    assert len(sent) <= 14
