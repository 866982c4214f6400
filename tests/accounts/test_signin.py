"""The owner's link opens one session, once, within a day; every other link answers alike."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from app.accounts.models import Account, Person
from app.accounts.signin import ENTERING, LINK_LIFE, make_owner_link
from app.core.database import db
from app.web.paths import local_path
from tests.accounts.ways import is_in, new_link, session_cookie, sign_in

pytestmark = pytest.mark.clause("C04")


def test_the_link_opens_the_owners_pages(app, clock, client):
    path = new_link(app, clock)

    answer = client.post(path)

    assert answer.status_code == 303
    assert answer.location == "/owner/"
    assert is_in(client)


def test_looking_at_the_link_does_not_use_it(app, clock, client):
    path = new_link(app, clock)

    looks = [client.get(path).status_code for _ in range(3)]

    assert looks == [200, 200, 200]
    assert session_cookie(client) is None
    assert client.post(path).status_code == 303


def test_a_used_link_opens_nothing_more(app, clock, client):
    path = new_link(app, clock)
    client.post(path)

    again = app.test_client()

    assert again.get(path).status_code == 410
    assert again.post(path).status_code == 410
    assert not is_in(again)


def test_a_link_ends_after_its_day(app, clock, client):
    path = new_link(app, clock)

    clock.move(LINK_LIFE)

    assert client.post(path).status_code == 410
    assert not is_in(client)


def test_a_link_is_good_until_the_end_of_its_day(app, clock, client):
    path = new_link(app, clock)

    clock.move(LINK_LIFE - timedelta(seconds=1))

    assert client.post(path).status_code == 303


def test_a_new_link_ends_the_one_before(app, clock, client):
    first = new_link(app, clock)
    second = new_link(app, clock)

    assert client.post(first).status_code == 410
    assert client.post(second).status_code == 303


def test_the_answer_does_not_tell_why_a_link_is_useless(app, clock):
    used, replaced = new_link(app, clock), None
    app.test_client().post(used)
    replaced = new_link(app, clock)
    expired = new_link(app, clock)
    clock.move(LINK_LIFE)

    paths = (used, replaced, expired, "/account/enter/unknown", "/account/enter/" + "é" * 300)
    pages = [app.test_client().post(path) for path in paths]

    assert {page.status_code for page in pages} == {410}
    bodies = {page.text.replace(path, "") for page, path in zip(pages, paths, strict=True)}
    assert len({body.split("<main")[1].split("</main>")[0] for body in bodies}) == 1


@pytest.mark.both_databases
def test_of_two_who_use_a_link_together_one_gets_in(app, clock):
    path = new_link(app, clock)
    barrier = Barrier(6)

    def use(_number):
        client = app.test_client()
        barrier.wait()
        return client.post(path).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(use, range(6)))

    assert statuses == [303] + [410] * 5


def test_there_is_one_owner_however_many_links(app, clock):
    new_link(app, clock)
    new_link(app, clock)

    with app.app_context():
        owners = db.session.scalar(sa.select(sa.func.count()).select_from(Account))
        person = db.session.scalar(sa.select(Person))
        assert person.name is None  # nobody asked for it

    assert owners == 1


def test_the_link_is_whole_and_of_this_site(app, clock, settings):
    with app.app_context():
        address = make_owner_link(now=clock())

    assert address.startswith(f"{settings.site_url}/account/enter/")
    assert len(urlsplit(address).path.rsplit("/", 1)[1]) >= 43


def test_neither_link_nor_session_can_be_read_from_the_database(app, clock, client, instance):
    path = new_link(app, clock)
    sign_in(app, clock, client)
    unused = new_link(app, clock)
    secrets = [path.rsplit("/", 1)[1], unused.rsplit("/", 1)[1], session_cookie(client)]

    files = b"".join(file.read_bytes() for file in instance.iterdir() if file.is_file())

    assert b"session" in files
    assert not any(secret.encode() in files for secret in secrets)


def test_trying_links_is_limited(app, clock):
    path = "/account/enter/guessed"

    statuses = [app.test_client().post(path).status_code for _ in range(ENTERING.burst + 1)]

    assert statuses == [410] * ENTERING.burst + [429]


def test_a_form_of_another_site_cannot_use_a_link(app, clock, client):
    path = new_link(app, clock)

    answer = client.post(path, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert client.post(path).status_code == 303


def test_whoever_is_in_is_sent_on(app, clock, client):
    sign_in(app, clock, client)

    there = client.get("/account/sign-in?next=/owner/mail")
    elsewhere = client.get("/account/sign-in?next=https://evil.example/")

    assert (there.status_code, there.location) == (303, "/owner/mail")
    assert elsewhere.location == "/owner/"


@pytest.mark.parametrize(
    "path", ["/owner/", "/owner/reservations?status=held&page=2", "/a", "/", "/a/../b#c"]
)
def test_a_path_of_this_site_is_one_to_come_back_to(path):
    assert local_path(path) == path


@pytest.mark.parametrize(
    "wished",
    [
        None,
        "",
        "owner",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/a\\b",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        " /owner/",
        "/owner/\n",
        "/\t/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/\x00",
        "/é",
        "/" + "a" * 600,
    ],
)
def test_nothing_else_is(wished):
    assert local_path(wished) is None
