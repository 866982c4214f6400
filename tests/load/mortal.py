"""The site around which a test stands: its clock is a file, and its requests can be killed.

A worker process dies by `kill -9` at the n-th step of a request that a test has chosen.
Steps are those of the databases: before each statement, before and after each commit; and
the moment before the answer is sent. The product knows nothing of it.

FILES names the folder with `clock` (an instant in ISO 8601), `doom` (JSON: a method, a
pattern of paths, a number) and `outcome`, where is written what became of the request.
"""

import json
import os
import re
import signal
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from app import create_app
from app.core.database import db

FILES = Path(os.environ["FILES"])


def clock() -> datetime:
    """Return the instant that the test has written."""
    return datetime.fromisoformat((FILES / "clock").read_text()).astimezone(UTC)


class Doom(threading.local):
    """Counts this thread's steps, while it is doomed, and kills its process at one of them."""

    at: int | None = None
    steps = 0

    def begin(self, at: int) -> None:
        """Doom this thread to die at a step, counted from one; at 0 it only counts."""
        self.at, self.steps = at, 0

    def end(self) -> None:
        """Say that it has survived, and in how many steps."""
        self.at = None
        _say({"survived": self.steps})

    def step(self, what: str) -> None:
        """Come one step further, or die."""
        if self.at is None:
            return
        self.steps += 1
        if self.steps == self.at:
            _say({"died": what})
            os.kill(os.getpid(), signal.SIGKILL)


def _say(outcome: dict[str, Any]) -> None:
    draft = FILES / f"outcome.{os.getpid()}"
    draft.write_text(json.dumps(outcome))
    draft.replace(FILES / "outcome")


doom = Doom()


def make_mortal(app: Any) -> None:
    """Count the steps of all the app's databases, the bank's own connections included."""
    with app.app_context():
        engines = list(db.engines.values())
    for engine in engines:
        _count_commits(engine)


@event.listens_for(Engine, "before_cursor_execute")
def _statement(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    doom.step(" ".join(statement.split())[:60])


def _count_commits(engine: Engine) -> None:
    commit = engine.dialect.do_commit

    def do_commit(connection: Any) -> None:
        doom.step("before COMMIT")
        commit(connection)
        doom.step("after COMMIT")

    engine.dialect.do_commit = do_commit


class Doomed:
    """Around the site: dooms the request that the test has chosen, once."""

    def __init__(self, wsgi: Any) -> None:
        self.wsgi = wsgi

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer, or die."""
        at = self._take(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if at is None:
            return self.wsgi(environ, start_response)
        doom.begin(at)
        parts = self.wsgi(environ, start_response)
        body = b"".join(parts)
        if hasattr(parts, "close"):
            parts.close()
        doom.step("before the answer")
        doom.end()
        return [body]

    def _take(self, method: str, path: str) -> int | None:
        """Return the step at which this request dies, if it is the chosen one."""
        try:
            doomed, pattern, at = json.loads((FILES / "doom").read_text())
        except FileNotFoundError:
            return None
        if method != doomed or not re.fullmatch(pattern, path):
            return None
        (FILES / "doom").unlink()
        return int(at)


app = create_app(clock=clock)
make_mortal(app)
app.wsgi_app = Doomed(app.wsgi_app)
