"""Nothing leaves this machine but through one door, to somebody on the list (D9, C02)."""

import smtplib
import socket
import threading

import pytest
from pytest_socket import SocketConnectBlockedError

from app.core.egress import MAIL_RELAY, Egress, Recipient, RecipientUnknown
from tests.architecture.source import ROOT, Source

SOMEBODY = Recipient("somebody", gets="x", why="y", clause="C02")
# What opens connections. A new one here is a decision: does it ask the register first?
OUTWARD = {"aiohttp", "ftplib", "http.client", "httpx", "pywebpush", "requests", "smtplib",
           "socket", "stripe", "telnetlib", "urllib.request", "urllib3", "websockets"}  # fmt: skip
DOORS = {"app/core/calendar_door.py", "app/core/egress.py"}


class Relay(threading.Thread):
    """A mail relay on this machine that takes one message."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.said = []

    def run(self):
        line, _ = self.listener.accept()
        with line, line.makefile("rw", newline="\r\n") as talk:
            talk.write("220 relay\n")
            talk.flush()
            in_data = False
            for heard in talk:
                self.said.append(heard.strip())
                word = heard.split(" ")[0].strip().upper()
                if in_data and heard.strip() != ".":
                    continue
                answer = {"EHLO": "250 relay", "DATA": "354 go on", "QUIT": "221 bye"}
                talk.write(answer.get(word, "250 ok") + "\n")
                talk.flush()
                in_data = word == "DATA"
                if word == "QUIT":
                    return


@pytest.mark.clause("C02")
def test_a_recipient_without_an_address_cannot_be_reached():
    egress = Egress({"mail relay": "", "other": "https://other.example"})

    assert egress.recipients() == ["other"]
    for call in (lambda: egress.url(SOMEBODY), lambda: egress.url(MAIL_RELAY), egress.mail_relay):
        with pytest.raises(RecipientUnknown):
            call()


@pytest.mark.clause("C02")
def test_the_relay_on_this_machine_is_spoken_to_plainly():
    relay = Relay()
    relay.start()

    with Egress({"mail relay": f"smtp://127.0.0.1:{relay.port}"}).mail_relay() as line:
        line.sendmail("a@here.example", ["b@there.example"], "Subject: Hello\r\n\r\nHello")
    relay.join(5)
    relay.listener.close()

    assert any(one.startswith("rcpt TO:<b@there.example>") for one in relay.said)
    assert "STARTTLS" not in relay.said


@pytest.mark.clause("C14")
def test_a_relay_elsewhere_is_never_spoken_to_in_clear(monkeypatch):
    """A relay that doesn't offer encryption gets neither the mail nor the password."""
    relay = Relay()
    relay.start()
    real = socket.create_connection
    monkeypatch.setattr(
        smtplib.socket,
        "create_connection",
        lambda address, *rest, **named: real(("127.0.0.1", relay.port), 5),
    )

    with pytest.raises(smtplib.SMTPNotSupportedError):
        Egress({"mail relay": "smtp://user:pass@relay.example:587"}).mail_relay().__enter__()
    relay.listener.close()

    assert not any("AUTH" in one.upper() for one in relay.said)


@pytest.mark.clause("C02")
def test_only_the_door_knows_how_to_open_connections():
    outward = {
        source.name: sorted(found)
        for path in sorted((ROOT / "app").rglob("*.py"))
        if (source := Source(path)) and source.name not in DOORS
        if (found := {name for _, name in source.imports() if _leads_out(name)})
    }

    # Stripe's client is handed an address by the register.
    assert set(outward) <= {"app/payments/stripe/client.py"}


def _leads_out(name):
    return any(name == one or name.startswith(f"{one}.") for one in OUTWARD)


@pytest.mark.clause("C02")
def test_tests_reach_nobody():
    refusals = (SocketConnectBlockedError, UserWarning)
    with pytest.raises(refusals, match=r"192\.0\.2\.1"), socket.socket() as line:
        line.connect(("192.0.2.1", 80))


@pytest.mark.clause("C02")
def test_a_refused_address_is_told_in_words_without_it():
    error = RecipientUnknown()

    assert "list of recipients" in error.say()
