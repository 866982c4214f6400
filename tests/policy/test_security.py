"""Whoever finds a weakness knows how we keep things, and where to tell us (C14, RFC 9116)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app import create_app
from app.booking.demo import load_demo
from app.core.database import db
from app.core.languages import LANGUAGES

pytestmark = pytest.mark.clause("C14")
FILE = "/.well-known/security.txt"


@pytest.fixture
def placed(app, clock):
    """The site with its place."""
    with app.app_context():
        load_demo(now=clock())
        db.session.commit()
    return app


def fields(answer):
    """Return the file's fields by their names; each stands in it once."""
    lines = [line for line in answer.text.split("\r\n") if line]
    found = dict(line.split(": ", 1) for line in lines)
    assert len(found) == len(lines)
    return found


def test_the_file_is_one_that_readers_of_rfc_9116_understand(placed, client, clock):
    answer = client.get(FILE)
    found = fields(answer)

    assert answer.status_code == 200
    assert answer.content_type == "text/plain; charset=utf-8"
    assert found["Contact"].startswith("mailto:")
    assert "@" in found["Contact"]
    assert found["Preferred-Languages"].split(", ") == list(LANGUAGES)
    assert found["Canonical"] == f"http://localhost{FILE}"
    assert found["Policy"] == "http://localhost/security"
    expires = datetime.strptime(found["Expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(days=30) < expires - clock() < timedelta(days=365)


def test_it_never_runs_out_while_the_site_runs(placed, client, clock):
    clock.move(timedelta(days=900))

    found = fields(client.get(FILE))

    expires = datetime.strptime(found["Expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert expires - clock() > timedelta(days=30)


def test_two_readers_of_a_day_get_the_same_file(placed, client, clock):
    first = client.get(FILE).text
    clock.move(timedelta(hours=9))

    assert client.get(FILE).text == first


def test_before_there_is_a_place_it_leads_to_the_page_of_contact(client):
    assert fields(client.get(FILE))["Contact"] == "http://localhost/contact"


def test_the_address_of_the_file_is_the_site_s_own(settings, clock):
    real = replace(settings, site_url="https://inn.example")
    client = create_app(real, clock=clock).test_client()

    found = fields(client.get(FILE, base_url="https://inn.example"))

    assert found["Canonical"] == f"https://inn.example{FILE}"


@pytest.mark.parametrize("name", ["security", "Security.txt", "security.txt/", "openid", "nothing"])
def test_other_well_known_names_are_not_found(placed, client, name):
    assert client.get(f"/.well-known/{name}").status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_how_things_are_kept_and_where_to_report(placed, client, language):
    answer = client.get("/security", headers={"Accept-Language": language})

    contact = fields(client.get(FILE))["Contact"]
    assert answer.status_code == 200
    assert f'href="{contact}"' in answer.text
    assert FILE in answer.text
    assert "Set-Cookie" not in answer.headers


def test_the_page_does_not_claim_encryption_that_is_not_there(placed, client):
    assert "reached without encryption" in client.get("/security").text
