"""The package for the new controller: a sealed record a subject, put together as it is fetched.

We can't open what we have sealed. A record hangs on its person, so that whoever is erased
while the package lies here is gone from it; all of it goes after some days.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dateutil.relativedelta import relativedelta

from app.consent.canonical import canonical
from app.continuity import controller_sealing as sealing
from app.continuity.controller_models import ControllerChange, ControllerObjection, ControllerRecord
from app.continuity.controller_people import Subject
from app.continuity.controller_scope import OwedReader, tables_for
from app.core.database import connect_to_read, db, table
from app.core.datamap import Retention
from app.core.languages import N_, use_language
from app.core.sweeps import delete_rows
from app.core.vault import derive, vault
from app.privacy.export.json_file import json_pieces, schema_text
from app.privacy.export.reading import instant
from app.privacy.retention import HANDOVER_KEPT, RIGHTS_YEARS
from app.web.pages import settings

_records = table(ControllerRecord)


def site_key() -> Ed25519PrivateKey:
    """Return the key with which the site signs hand-overs."""
    return Ed25519PrivateKey.from_private_bytes(
        derive(settings().master_key, "reserved: hand-overs to another controller")
    )


def site_fingerprint() -> str:
    """Return the fingerprint by which the new controller knows the site's signature."""
    return sealing.fingerprint(site_key().public_key())


def name_of(change: ControllerChange) -> str:
    """Return the package's own name, which every record in it is bound to."""
    return f"{settings().site_url}/{change.code}"


# -- Sealing ------------------------------------------------------------------------------


def record_of(subject: Subject, *, now: datetime) -> bytes:
    """Return what goes of a subject: JSON as in a download of one's own data, and less."""
    vault().unlock(subject.going)
    tables = tables_for(subject.without)
    reader = OwedReader(list(subject.going), subject.reservation_ids)
    with use_language(subject.language):
        pieces = json_pieces(
            reader, site=settings().site_url, language=subject.language, now=now, tables=tables
        )
        return "".join(pieces).encode()


def keep_record(change: ControllerChange, subject: Subject, *, now: datetime) -> None:
    """Seal a subject's record and keep it; one that is there already stays. The caller commits."""
    known = sa.select(ControllerRecord.id).where(
        ControllerRecord.change_id == change.id, ControllerRecord.person_id == subject.lead
    )
    if db.session.scalar(known) is not None:
        return
    key = sealing.read_public(change.public_key)
    body = sealing.seal(key, name_of(change), record_of(subject, now=now))
    db.session.add(
        ControllerRecord(
            change_id=change.id,
            person_id=subject.lead,
            sealed_bytes=body,
            digest=sha256(body).hexdigest(),
            made_at=now,
        )
    )
    db.session.flush()


# -- Fetching -----------------------------------------------------------------------------


def count(change: ControllerChange) -> tuple[int, int]:
    """Return how many records the package has, and how many bytes they are."""
    query = sa.select(
        sa.func.count(), sa.func.coalesce(sa.func.sum(sa.func.length(_records.c.sealed_bytes)), 0)
    ).where(_records.c.change_id == change.id)
    records, size = db.session.execute(query).one()
    return int(records), int(size)


def pieces(change: ControllerChange, *, now: datetime) -> Iterator[bytes]:
    """Yield the package's file, one record in memory at a time.

    Somebody who is erased meanwhile is left out, and the manifest has what was written.
    """
    header = _header(change, now=now)
    change_id, key = change.id, site_key()
    return _file(header, change_id, key)


def _file(header: bytes, change_id: int, key: Ed25519PrivateKey) -> Iterator[bytes]:
    yield sealing.MAGIC + sealing.frame(sealing.HEAD, header)
    after, digests = 0, []
    query = (
        sa.select(_records.c.id, _records.c.sealed_bytes)
        .where(_records.c.change_id == change_id, _records.c.id > sa.bindparam("after"))
        .order_by(_records.c.id)
        .limit(1)
    )
    while True:
        # A unit of work for each: a slow line mustn't hold one open for hours.
        with connect_to_read(db.engine) as connection:
            found = connection.execute(query, {"after": after}).first()
        if found is None:
            break
        after = found.id
        digests.append(sha256(found.sealed_bytes).hexdigest())
        yield sealing.frame(sealing.RECORD, found.sealed_bytes)
    yield sealing.frame(sealing.MANIFEST, sealing.manifest(header, digests, key))


def _header(change: ControllerChange, *, now: datetime) -> bytes:
    public = sealing.read_public(change.public_key)
    with use_language("en"):
        schema: dict[str, Any] = json.loads(schema_text(tables_for()))
    words = {
        "format": sealing.FORMAT,
        "name": name_of(change),
        "site": settings().site_url,
        "from": change.former,
        "to": change.name,
        "changes_on": change.changes_on.isoformat(),
        "made_at": instant(now),
        "for_key_sha256": sealing.fingerprint(public),
        "site_key": sealing.pem_of(site_key().public_key()),
        "schema": schema,
    }
    return canonical(words).encode()


# -- Going --------------------------------------------------------------------------------

delete_rows(
    "handed_over",
    ControllerRecord,
    lambda now: ControllerRecord.made_at <= now - HANDOVER_KEPT,
    retention=Retention.SECURITY,
    words=N_("sealed copies for a new responsible party whose time is over"),
    batch=100,
)
delete_rows(
    "objections",
    ControllerObjection,
    lambda now: ControllerObjection.change_id.in_(
        sa.select(ControllerChange.id).where(
            sa.func.coalesce(ControllerChange.done_at, ControllerChange.stopped_at)
            <= now - relativedelta(years=RIGHTS_YEARS)
        )
    ),
    retention=Retention.RIGHTS,
    words=N_("what was said to a change of the responsible party"),
)
