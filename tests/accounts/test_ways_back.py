"""Whoever has the mailbox gets back in, past no second factor, and nobody learns who has one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from app.accounts import mail_links
from app.accounts.models import Account
from app.accounts.registering import MAILS_TO
from app.accounts.routes.ways_back import ASKING
from app.core.database import db
from app.core.outbox import Job
from tests.accounts.ways import (
    EMAIL,
    PASSWORD,
    is_in,
    link_in,
    mails,
    make_guest,
    make_house,
    newest_mail,
    session_cookie,
    sign_in_guest,
    token_on,
)

pytestmark = pytest.mark.clause("C04")


@pytest.fixture
def guest(app, clock):
    """Greta, who has an account."""
    return make_guest(app, clock, username="greta")


def ask(client, name=EMAIL, *, network="127.0.0.1"):
    """Ask for a link, and return the answer."""
    return client.post(
        "/account/way-in", data={"name": name}, environ_overrides={"REMOTE_ADDR": network}
    )


def seen(answer):
    """Return all that a stranger sees of an answer: status, headers but the time, bytes."""
    headers = sorted((n, v) for n, v in answer.headers if n != "Date")
    return answer.status_code, headers, answer.get_data()


@pytest.mark.both_databases
@pytest.mark.parametrize("name", ["greta", EMAIL.upper()])
def test_a_mailed_link_opens_the_account_and_leads_to_a_new_password(app, guest, client, name):
    sent = ask(client, name)
    path = link_in(newest_mail(app))
    page = client.get(path)
    answer = client.post(path)

    assert (sent.status_code, sent.location) == (303, "/account/way-in/sent")
    assert page.status_code == 200
    assert (answer.status_code, answer.location) == (303, "/account/security/password?lang=en")
    assert client.get("/account/security/password").status_code == 200  # not asked again


def test_the_answer_is_the_same_whoever_has_an_account(app, clock, guest):
    barred = make_guest(app, clock, "barred@post.example")
    with app.app_context():
        db.session.get(Account, barred).suspended_at = clock()
        db.session.commit()
    names = (EMAIL, "greta", "nobody@post.example", "nobody", "barred@post.example", "<b>")

    answers = [ask(app.test_client(), name) for name in names]

    assert len({str(seen(answer)) for answer in answers}) == 1
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Job)) == len(names)
    assert {mail["To"].addresses[0].addr_spec for mail in mails(app)} == {EMAIL}


def test_page_and_address_after_asking_name_nobody(guest, client):
    answer = ask(client, "greta")
    page = client.get(answer.location)

    assert "greta" not in answer.location + answer.text + page.text
    assert urlsplit(answer.location).query == ""
    assert page.headers["Cache-Control"] == "no-store"


def test_nothing_typed_is_asked_for_again(app, client):
    page = ask(client, " ")

    assert page.status_code == 422
    assert 'id="name-error"' in page.text


def test_opening_the_link_consumes_nothing_and_its_button_works_once(app, guest):
    ask(app.test_client())
    path = link_in(newest_mail(app))

    looks = [app.test_client().get(path).status_code for _ in range(3)]
    uses = [app.test_client().post(path).status_code for _ in range(2)]

    assert looks == [200, 200, 200]
    assert uses == [303, 410]


@pytest.mark.both_databases
def test_of_two_who_use_it_together_one_gets_in(app, guest):
    ask(app.test_client())
    path = link_in(newest_mail(app))
    barrier = Barrier(6)

    def use(_number):
        client = app.test_client()
        barrier.wait()
        return client.post(path).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(use, range(6)))

    assert statuses == [303] + [410] * 5


def test_one_that_is_used_ends_the_others(app, guest):
    for _ in range(2):
        ask(app.test_client())
    first, second = (link_in(mail) for mail in mails(app))

    assert app.test_client().post(second).status_code == 303
    assert app.test_client().post(first).status_code == 410


def test_a_link_runs_out(app, clock, guest, client):
    ask(client)
    path = link_in(newest_mail(app))

    clock.move(mail_links.LIFE[mail_links.WAY_IN])

    assert client.post(path).status_code == 410
    assert session_cookie(client) is None


def test_the_link_has_nothing_personal_in_it_and_lies_nowhere(app, guest, client, instance):
    ask(client)
    path = link_in(newest_mail(app))
    proof = urlsplit(path).path.partition("-in/")[2].partition("-")[2]

    files = b"".join(file.read_bytes() for file in instance.iterdir() if file.is_file())

    assert "greta" not in path
    assert len(proof) == 24
    assert proof.encode() not in files


def test_a_link_does_not_get_past_the_second_factor(app, clock, client):
    staff = make_house(app, clock)
    ask(client, staff.email)
    step = client.post(link_in(newest_mail(app)))
    without = client.get("/account/security/password")

    answer = client.post(step.location, data={"code": staff.code(clock())})

    assert urlsplit(step.location).path.startswith("/account/sign-in/")
    assert without.location.startswith("/account/sign-in")
    assert answer.location == "/account/security/password?lang=en"
    assert is_in(client)


def test_who_was_barred_since_it_was_sent_stays_out(app, clock, guest, client):
    ask(client)
    path = link_in(newest_mail(app))
    with app.app_context():
        db.session.get(Account, guest).suspended_at = clock()
        db.session.commit()

    assert client.get(path).status_code == 410
    assert client.post(path).status_code == 410


@pytest.mark.both_databases
def test_a_new_password_ends_every_other_session_and_every_other_link(app, guest, client):
    elsewhere = app.test_client()
    sign_in_guest(elsewhere)
    ask(client)
    path = link_in(newest_mail(app))
    client.post(path)
    ask(app.test_client())
    other = link_in(newest_mail(app))

    page = client.get("/account/security/password")
    client.post(
        "/account/security/password",
        data={"csrf_token": token_on(page), "password": "an entirely new heron"},
    )

    assert elsewhere.get("/account/security").status_code == 303
    assert client.get("/account/security").status_code == 200
    assert app.test_client().post(other).status_code == 410
    assert sign_in_guest(app.test_client(), EMAIL, PASSWORD).status_code == 422
    assert sign_in_guest(app.test_client(), EMAIL, "an entirely new heron").status_code == 303


def test_nobodys_mailbox_is_filled_and_asking_on_does_not_put_the_next_mail_off(app, clock, guest):
    answers = [ask(app.test_client(), network=f"203.0.{n}.1") for n in range(MAILS_TO.burst * 10)]
    flooded = len(mails(app))
    clock.move(timedelta(hours=1) / MAILS_TO.per_hour)
    ask(app.test_client())

    assert len({str(seen(answer)) for answer in answers}) == 1
    assert flooded == MAILS_TO.burst
    assert len(mails(app)) == MAILS_TO.burst + 1


def test_the_mails_that_somebody_else_asked_for_work(app, guest, client):
    for n in range(MAILS_TO.burst + 5):
        ask(app.test_client(), network=f"203.0.{n}.1")

    assert client.post(link_in(newest_mail(app))).status_code == 303


def test_one_network_cannot_ask_for_everybody(app):
    statuses = [ask(app.test_client(), f"guest{n}").status_code for n in range(ASKING.burst + 2)]

    assert statuses == [303] * ASKING.burst + [429, 429]


def test_a_form_of_another_site_uses_no_link(app, guest, client):
    ask(client)
    path = link_in(newest_mail(app))

    answer = client.post(path, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert client.post(path).status_code == 303


def test_the_mail_says_what_to_do_if_nobody_asked_and_where_requests_are_checked(app, guest):
    ask(app.test_client())

    mail = newest_mail(app)

    text = mail.get_content()
    assert "If you did not ask for it" in text
    assert "http://localhost/is-this-real" in text
    assert mail["Auto-Submitted"] == "auto-generated"
    assert EMAIL not in text
