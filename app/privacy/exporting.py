"""Downloads of one's own data: asked for, made by the worker, fetched, gone on time (C26, C08).

One is in the making for a person at a time. A try that breaks off leaves pieces that the
next one deletes; the newest that got ready takes the place of those before it.
"""

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.core.database import db, only_reading
from app.core.datamap import Retention
from app.core.languages import N_
from app.core.outbox import enqueue, handles
from app.core.sweeps import delete_rows
from app.privacy import requests
from app.privacy.export.archive import count_rows, write_archive
from app.privacy.export.sealing import Overtaken, opened_pieces
from app.privacy.models import (
    ACCESS,
    ASKED,
    FAILED,
    MAKING,
    READY,
    Export,
    ExportChunk,
    PrivacyRequest,
)
from app.privacy.retention import EXPORT_KEPT, SECURITY_LONGEST
from app.privacy.subjects import Subject

MAKE, MAIL = "privacy.export", "privacy.export-mail"

# -- Asking ---------------------------------------------------------------------------------


def ask(subject: Subject, *, now: datetime) -> Export:
    """Have a subject's download made, or return the one that is in the making. Flushes.

    The caller commits. Of two at once the database refuses the second (IntegrityError);
    asked again it is given the first one's.
    """
    for before in of_subject(subject):
        if before.state in (ASKED, MAKING) and not is_stuck(before, now=now):
            return before
        if before.state != READY:
            db.session.delete(before)
    db.session.flush()
    export = Export(
        person_id=subject.person_id,
        person_ids=list(subject.person_ids),
        language=subject.language,
        state=ASKED,
        asked_at=now,
        done=0,
    )
    db.session.add(export)
    db.session.flush()
    if not _open_requests(subject.person_id):
        request = requests.record(subject.person_id, ACCESS, now=now, by_itself=True)
        # Answered when it is ready, and not before: if it never is, the clock tells the house.
        request.answered_at = request.granted = None
    enqueue(MAKE, {"export_id": export.id}, now=now)
    return export


def of_subject(subject: Subject) -> Sequence[Export]:
    """Return a subject's downloads, newest first, but for those with data of somebody else.

    An account may have taken on, or lost, a person since it was made.
    """
    query = sa.select(Export).where(Export.person_id == subject.person_id)
    mine = set(subject.person_ids)
    return [
        one
        for one in db.session.scalars(query.order_by(Export.id.desc()))
        if mine.issuperset(one.person_ids)
    ]


def find(subject: Subject, export_id: int) -> Export | None:
    """Return a subject's download of that number, if it is theirs."""
    return next((one for one in of_subject(subject) if one.id == export_id), None)


def is_stuck(export: Export, *, now: datetime) -> bool:
    """Whether a download has been in the making for longer than the worker tries."""
    return export.state in (ASKED, MAKING) and export.asked_at <= now - EXPORT_KEPT


def is_gone(export: Export, *, now: datetime) -> bool:
    """Whether a download was ready once, and its time is over."""
    return export.expires_at is not None and export.expires_at <= now


def pieces(export: Export) -> Iterator[bytes]:
    """Yield the bytes of a download that is ready. Raises PersonUnknown after an erasure."""
    return opened_pieces(export.id, export.person_id)


def _open_requests(person_id: str) -> Sequence[PrivacyRequest]:
    query = sa.select(PrivacyRequest).where(
        PrivacyRequest.person_id == person_id,
        PrivacyRequest.kind == ACCESS,
        PrivacyRequest.by_itself,
        PrivacyRequest.answered_at.is_(None),
    )
    return db.session.scalars(query).all()


# -- Making ---------------------------------------------------------------------------------


@handles(MAKE)
def make(payload: dict[str, Any], now: datetime) -> None:
    """Make a download. One that fails says so on its page, and is tried again by the outbox."""
    export_id, maker = payload["export_id"], secrets.token_hex(8)
    if not _begin(export_id, maker):
        return
    try:
        with only_reading():
            size = write_archive(db.session.get_one(Export, export_id), now=now)
    except Overtaken:
        return
    except Exception as error:  # whatever it is, the page says so, and it goes on being raised
        db.session.rollback()
        _fail(export_id, maker, type(error).__name__)
        raise
    _finish(export_id, maker, size, now=now)


def _begin(export_id: int, maker: str) -> bool:
    """Take a download to be made by this try alone; delete what an earlier one left."""
    export = db.session.get(Export, export_id)
    if export is None or export.state == READY:
        return False
    export.state, export.maker, export.error = MAKING, maker, None
    export.done, export.total = 0, count_rows(export.person_ids)
    db.session.execute(sa.delete(ExportChunk).where(ExportChunk.export_id == export_id))
    db.session.commit()
    return True


def _fail(export_id: int, maker: str, error: str) -> None:
    failed = sa.update(Export).where(Export.id == export_id, Export.maker == maker)
    db.session.execute(failed.values(state=FAILED, error=error[:60]))
    db.session.execute(sa.delete(ExportChunk).where(ExportChunk.export_id == export_id))
    db.session.commit()


def _finish(export_id: int, maker: str, size: int, *, now: datetime) -> None:
    """Say that it is ready; the job's commit makes it so, the mail and the answer with it."""
    ready = sa.update(Export).where(
        Export.id == export_id, Export.maker == maker, Export.state == MAKING
    )
    values = {
        "state": READY,
        "ready_at": now,
        "expires_at": now + EXPORT_KEPT,
        "size": size,
        "done": Export.total,
    }
    person_id = db.session.scalar(ready.values(values).returning(Export.person_id))
    if person_id is None:
        return
    older = sa.delete(Export).where(
        Export.person_id == person_id, Export.id != export_id, Export.state.in_((READY, FAILED))
    )
    db.session.execute(older)
    for request in _open_requests(person_id):
        requests.answered(request, now=now, by_itself=True)
    enqueue(MAIL, {"export_id": export_id}, now=now)


# -- Going ----------------------------------------------------------------------------------


def _over(now: datetime, *, since: timedelta = timedelta()) -> sa.ColumnElement[bool]:
    """Say that a download's time is over; of one that never got ready, twice as long."""
    return sa.or_(
        Export.expires_at <= now - since,
        sa.and_(Export.expires_at.is_(None), Export.asked_at <= now - 2 * EXPORT_KEPT - since),
    )


# The pieces are the data. The row, which has none, says for a while that there was one.
delete_rows(
    "download_pieces",
    ExportChunk,
    lambda now: ExportChunk.export_id.in_(sa.select(Export.id).where(_over(now))),
    retention=Retention.EXPORT,
    words=N_("copies of somebody’s data whose time is over"),
    batch=100,
)
delete_rows(
    "downloads",
    Export,
    lambda now: _over(now, since=SECURITY_LONGEST),
    retention=Retention.SECURITY,
    words=N_("notes that there was a copy of somebody’s data"),
)
