"""The demo's letters can be read, and a name leads to a letter or nowhere."""

from dataclasses import replace
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest

from app import create_app
from app.owner.cli import owner_cli
from tests.accounts.ways import new_link, sign_in


@pytest.fixture
def folder(instance):
    """The folder of letters, with one in it and something secret beside it."""
    found = instance / "mail"
    found.mkdir()
    message = EmailMessage()
    message["From"] = "Haus Rohrdommel <post@haus-rohrdommel.example>"
    message["To"] = "Zoë Müller <zoe@example.org>"
    message["Subject"] = "Bis bald, Zoë <3"
    message.set_content("Liebe Zoë,\n\nwir freuen uns.\n<script>alert(1)</script>\n")
    message.add_attachment(b"BEGIN:VCALENDAR", "text", "calendar", filename="stay.ics")
    (found / "1-confirmed.eml").write_bytes(message.as_bytes())
    (found / ".2-draft.eml").write_text("Subject: half written\n\nDraft")
    (found / "notes.txt").write_text("not a letter")
    (instance / "secret.eml").write_text("Subject: Top secret\n\nTop secret")
    (found / "outside.eml").symlink_to(instance / "secret.eml")
    return found


def test_letters_are_listed(owner, folder):
    page = owner.get("/owner/mail").text

    assert "Bis bald, Zoë &lt;3" in page
    assert "Zoë Müller" in page
    assert not any(word in page for word in ("half written", "Top secret", "notes.txt"))


def test_a_letter_is_shown_with_what_is_attached(owner, folder):
    page = owner.get("/owner/mail/1-confirmed.eml").text

    assert "wir freuen uns." in page
    assert "stay.ics" in page
    assert "zoe@example.org" in page
    assert "<script>alert" not in page


def test_a_letter_can_be_taken_along_as_it_is(owner, folder):
    answer = owner.get("/owner/mail/1-confirmed.eml/download")

    assert answer.data == (folder / "1-confirmed.eml").read_bytes()
    assert answer.mimetype == "message/rfc822"
    assert answer.headers["Content-Disposition"] == "attachment; filename=1-confirmed.eml"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "name",
    [
        "missing.eml",
        "notes.txt",
        ".2-draft.eml",
        "outside.eml",
        "..",
        "../secret.eml",
        "..%2fsecret.eml",
        "%2e%2e%2fsecret.eml",
        "..%5csecret.eml",
        "1-confirmed.eml%00",
        "1-confirmed.eml%0a",
        "a" * 300 + ".eml",
    ],
)
@pytest.mark.parametrize("tail", ["", "/download"])
def test_no_name_leads_out_of_the_folder(owner, folder, name, tail):
    assert owner.get(f"/owner/mail/{name}{tail}").status_code == 404


def test_without_a_folder_there_is_nothing_yet(owner):
    answer = owner.get("/owner/mail")

    assert answer.status_code == 200
    assert "There is nothing yet." in answer.text


def test_with_a_relay_no_letter_is_kept_or_shown(settings, clock, folder):
    app = create_app(replace(settings, mail_url="smtp://localhost"), clock=clock)
    client = sign_in(app, clock, app.test_client())

    listed = client.get("/owner/mail")
    letter = client.get("/owner/mail/1-confirmed.eml")

    assert "mail relay" in listed.text
    assert "Zoë" not in listed.text
    assert letter.status_code == 404


def test_the_command_prints_the_owners_way_in(app, client):
    result = app.test_cli_runner().invoke(owner_cli, ["link"])

    assert result.exit_code == 0
    assert client.post(urlsplit(result.output.strip()).path).status_code == 303


def test_letters_are_nothing_for_strangers(app, client, clock, folder):
    new_link(app, clock)

    answer = client.get("/owner/mail/1-confirmed.eml")

    assert answer.status_code == 303
    assert "Zoë" not in answer.text
