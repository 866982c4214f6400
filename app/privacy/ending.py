"""Erasures that nobody asked for: a date has come, and the purge begins them."""

import logging
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from app.core.database import db, table
from app.privacy import erasing
from app.privacy.models import POSTPONED, RUNNING, Erasure

log = logging.getLogger(__name__)

_erasure = table(Erasure)


def is_ending(person_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Say that a person's erasure waits for its day, or runs: it needs no second one."""
    return sa.exists().where(
        _erasure.c.person_id == person_id, _erasure.c.state.in_((POSTPONED, RUNNING))
    )


def end(person_ids: Sequence[str], cause: str, *, language: str, now: datetime) -> None:
    """Begin an erasure and carry it out as far as it goes now. Commits.

    What has to wait, such as for a payment provider, the worker goes on with.
    """
    erasure_id = erasing.begin(person_ids, cause, now=now, language=language).id
    db.session.commit()
    try:
        erasing.go_on(erasure_id, now=now)
    except Exception as error:  # noqa: BLE001 (it has begun: the worker tries again)
        db.session.rollback()
        name = type(error).__name__
        log.error("an erasure waits: id=%s error=%s", erasure_id, name)  # noqa: TRY400
