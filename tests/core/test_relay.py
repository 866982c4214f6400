"""A mail relay that is away costs nobody a booking: mails wait, and each goes out once (C16)."""

import email
import socketserver
import threading
import time
from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from app.core import outbox
from app.core.database import db
from app.core.egress import MAIL_RELAY, Egress
from app.core.outbox import Job
from app.owner.system import pressing
from tests.accounts.ways import sign_in
from tests.house.visitor import EMAIL

ANSWERS = {"later": "451 later", "never": "554 not from you", "takes": "250 taken"}


class Relay:
    """A relay on this machine, which takes mails, refuses them, or falls silent at some word.

    Moods: "takes", "later", "never"; "silent" from the first, "silent at EHLO", at another word,
    or at "." after a whole message, which it may have taken or not.
    """

    def __init__(self, mood):
        self.mood, self.taken, self.callers = mood, [], 0
        outer = self

        class Talk(socketserver.StreamRequestHandler):
            def handle(self):
                outer.callers += 1
                outer.talk(self)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"smtp://127.0.0.1:{self.server.server_address[1]}"

    def talk(self, line):
        if self.mood == "silent":
            line.rfile.read()  # until the other side has had enough
            return
        say = lambda text: line.wfile.write(f"{text}\r\n".encode())  # noqa: E731
        say("220 relay")
        for heard in line.rfile:
            word = heard.split()[0].upper().decode() if heard.split() else ""
            if self.mood == f"silent at {word}":
                line.rfile.read()
                return
            if word == "DATA":
                say("354 go on")
                message = b"".join(iter(line.rfile.readline, b".\r\n"))
                if self.mood == "silent at .":
                    line.rfile.read()
                    return
                if self.mood in ("takes", "silent at QUIT"):
                    self.taken.append(email.message_from_bytes(message))
                say(ANSWERS.get(self.mood, ANSWERS["takes"]))
            else:
                say("221 bye" if word == "QUIT" else "250 ok")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def relay(place):
    """The relay of the place; `relay("later")` says how it is to be."""
    made = []

    def begin(mood):
        made.append(Relay(mood))
        place.extensions["egress"] = Egress({MAIL_RELAY.code: made[0].url})
        return made[0]

    yield begin
    for one in made:
        one.close()


def minutes(clock, number):
    """Let the worker look every minute, and return in which of them it tried."""
    tried = []
    for minute in range(number):
        before = db.session.scalar(sa.select(sa.func.max(Job.attempts)))
        db.session.rollback()
        outbox.run_due(now=clock())
        after = db.session.scalar(sa.select(sa.func.max(Job.attempts)))
        db.session.rollback()
        tried += [minute] if after != before else []
        clock.move(timedelta(minutes=1))
    return tried


@pytest.mark.parametrize("mood", ["away", "later", "never"])
def test_a_mail_waits_with_growing_pauses_and_goes_out_once(
    place, visitor, clock, relay, settings, mood
):
    there = relay("later" if mood == "away" else mood)
    if mood == "away":
        there.close()

    assert "You are expected" in visitor.book().words
    with place.app_context():
        tried = minutes(clock, 40)
        pauses = [later - sooner for sooner, later in pairwise(tried)]
        assert pauses == sorted(pauses) == [2, 2, 4, 8, 16]
        assert pressing(settings, now=clock()) == ["failing"]
    owner = sign_in(place, clock, place.test_client())
    assert "Does the mail relay answer" in owner.get("/owner/system").text

    if mood == "away":
        there = Relay("takes")
        place.extensions["egress"] = Egress({MAIL_RELAY.code: there.url})
    there.mood = "takes"
    with place.app_context():
        minutes(clock, 40)
        assert "failing" not in pressing(settings, now=clock())
    there.close()

    assert [message["To"].count(EMAIL) for message in there.taken] == [1]


@pytest.fixture
def ten_mails(place, visitor, clock):
    """Have ten mails wait, let the worker do them, and return how long that took, and errors."""

    def send():
        visitor.book()
        with place.app_context():
            mail = sa.select(Job.payload).where(Job.topic == "mail")
            payload = db.session.scalars(mail).one()
            for _ in range(9):
                outbox.enqueue("mail", payload, now=clock())
            db.session.commit()
            began = time.monotonic()
            outbox.run_due(now=clock())
            took = time.monotonic() - began
            errors = sa.select(Job.last_error).where(Job.topic == "mail")
            return took, db.session.scalars(errors).all()

    return send


@pytest.mark.parametrize(
    "mood", ["silent", "silent at EHLO", "silent at RCPT", "silent at DATA", "silent at ."]
)
def test_a_relay_that_falls_silent_keeps_other_work_waiting_once(
    relay, ten_mails, monkeypatch, mood
):
    monkeypatch.setattr(Egress, "relay_seconds", 0.3)
    there = relay(mood)

    took, errors = ten_mails()

    assert there.callers == 1
    assert took < 2
    assert len(errors) == 10
    assert set(errors) == {"SMTPServerDisconnected", "TimeoutError"}


def test_a_relay_that_never_says_goodbye_takes_each_mail_once(relay, ten_mails, monkeypatch):
    """What was taken isn't sent again, and the next mail doesn't wait for the last one's end."""
    monkeypatch.setattr(Egress, "relay_goodbye", 0.05)
    there = relay("silent at QUIT")

    took, errors = ten_mails()

    assert len(there.taken) == there.callers == 10
    assert took < 5
    assert set(errors) == {None}
