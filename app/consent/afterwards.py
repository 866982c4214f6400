"""Noting something once the response has been sent: nobody waits for it, and no page fails by it.

Both logs, of pages and of offers, are written here: only of what a person has
opened, and on a connection of their own.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from flask import Response, request
from sqlalchemy.engine import Engine

from app.core.database import db, reading
from app.web.agents import is_robot

log = logging.getLogger(__name__)


def is_opened_by_a_person(response: Response) -> bool:
    """Whether this is a page that a person opened, and not a file, a form's answer or a fetch."""
    return (
        request.method == "GET"
        and response.status_code in (200, 304)
        and response.mimetype == "text/html"
        # What a browser fetches ahead, or a script for itself, nobody has opened.
        and request.headers.get("Sec-Fetch-Dest", "document") == "document"
        and not request.headers.get("Sec-Purpose", "").startswith("prefetch")
        and not is_robot(user_agent())
    )


def user_agent() -> str:
    """Return what the browser says it is; kept nowhere."""
    return request.headers.get("User-Agent", "")


def afterwards(response: Response, write: Callable[[Engine], object]) -> None:
    """Do `write` once the response has been sent; where it fails, log the kind of error."""
    engine = db.engine

    def written() -> None:
        try:
            write(engine)
        except Exception as error:  # noqa: BLE001 (the page is out; nobody can be told)
            log.error(  # noqa: TRY400 (a trace quotes its message, which may quote a person)
                "what should have been noted was lost: type=%s", type(error).__name__
            )

    response.call_on_close(written)


def write_line(engine: Engine, statement: sa.Executable, values: Mapping[str, Any]) -> bool:
    """Execute a guarded INSERT … RETURNING and commit; tell whether its grant was alive."""
    before = reading.set(False)  # a page was only read; this is a unit of work of its own
    try:
        with engine.begin() as connection:
            return connection.execute(statement, values).first() is not None
    except sa.exc.IntegrityError:
        return False  # PostgreSQL: withdrawn between looking and writing
    finally:
        reading.reset(before)
