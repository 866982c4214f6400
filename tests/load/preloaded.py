"""granian, with the site loaded before it forks its workers.

Workers that each load it, and translate its templates, take seconds; these are there at once,
also in place of one that died. The server is the same otherwise.
"""

import importlib
import os
import sys

import granian.cli
import granian.server.mp
from flask import Flask

from app.core.database import db


def warm_up(app: Flask) -> None:
    """Do what the first requests would do in each worker; and let go of all connections."""
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)
    for path in ("/", "/offers/boathouse", "/offers/kayak-tour"):
        assert app.test_client().get(path).status_code == 200
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


if __name__ == "__main__":
    target, _, name = sys.argv[-1].partition(":")
    warm_up(getattr(importlib.import_module(target), name))
    if os.environ.get("WORKERS_DIE_ON_PURPOSE"):
        # granian takes a worker that dies twice in 5.5 seconds for a loop, and gives up.
        granian.server.mp.MPServer.respawned_wrks = property(lambda _: {}, lambda *_: None)
    granian.cli.entrypoint()
