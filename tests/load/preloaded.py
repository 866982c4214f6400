"""granian, with the site loaded before it forks its workers.

Workers that each load it, and translate its templates, take seconds; these are there at once,
also in place of one that died. The server is the same otherwise.
"""

import importlib
import os
import sys
from datetime import timedelta

import granian.cli
import granian.server.mp
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from app.core.database import db
from tests.load.guests import Answer, Guest

DIES = "WORKERS_DIE_ON_PURPOSE"
TEMPLATES = "TEMPLATES"  # the folder where the programs of a run share what they compile of them


class Rehearsal(Guest):
    """A guest inside the process, who books and cancels before anybody looks."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client(use_cookies=False)

    def _ask(self, method: str, path: str, body: str | None = None) -> Answer:
        form = "application/x-www-form-urlencoded"
        answer = self.client.open(path, method=method, data=body, content_type=form)
        location = answer.headers.get("Location", "")
        return Answer(path, answer.status_code, location, answer.text)


def share_templates(app: Flask) -> None:
    """Take templates that another program of the run has compiled."""
    if TEMPLATES in os.environ:
        app.jinja_env.bytecode_cache = FileSystemBytecodeCache(os.environ[TEMPLATES])


def warm_up(app: Flask) -> None:
    """Make all that is made once in a process, before it is forked."""
    share_templates(app)
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)
    for path in ("/", "/offers/boathouse", "/offers/kayak-tour"):
        assert app.test_client().get(path).status_code == 200


def rehearse(app: Flask) -> None:
    """Let somebody book and cancel in this process: what is compiled once, is compiled."""
    arrive = app.extensions["clock"]().date() + timedelta(days=300)
    guest = Rehearsal(app)
    depart = arrive + timedelta(days=2)
    basket = guest.choose_nights("boathouse", arrive.isoformat(), depart.isoformat())
    page = guest.pay(guest.hold(basket))
    assert guest.cancel(page).status == 303


def let_go(app: Flask) -> None:
    """Close all connections: they can't be shared by two processes."""
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


if __name__ == "__main__":
    target, _, name = sys.argv[-1].partition(":")
    app = getattr(importlib.import_module(target), name)
    warm_up(app)
    if os.environ.get(DIES):
        rehearse(app)
        # granian takes a worker that dies twice in 5.5 seconds for a loop, and gives up.
        granian.server.mp.MPServer.respawned_wrks = property(lambda _: {}, lambda *_: None)
    let_go(app)
    granian.cli.entrypoint()
