"""Publishing versions of the terms and the privacy policy, and agreeing to them (C05).

What is published never changes: a change is a new number, which stands beside
the old one. An agreement points to the very text that a person was shown.
"""

from datetime import datetime
from pathlib import Path
from typing import Any, Never

import sqlalchemy as sa
from sqlalchemy import event

from app.accounts.models import Account
from app.accounts.registering import account_requested
from app.core.database import db
from app.policy.models import PRIVACY, TERMS, Agreement, DocumentVersion
from app.policy.sources import FOLDER, Source, sources

_version = DocumentVersion.__table__
_agreement = Agreement.__table__


class VersionChanged(RuntimeError):
    """A published text differs from its source: the change needs a number of its own."""

    def __init__(self, source: Source) -> None:
        super().__init__(
            f"{source.document} {source.number} ({source.language}) was published with another "
            f"text, or a fact in it has changed since. Leave it as it was, and write the new "
            f"text as number {source.number + 1}."
        )


class VersionIsFinal(RuntimeError):
    """A program tried to change a text that people have agreed to."""


class NothingPublished(RuntimeError):
    """There is no version of a document that anybody could agree to."""


def publish_missing(*, now: datetime, folder: Path = FOLDER) -> int:
    """Publish the texts that aren't published yet, and return how many they were.

    Raises VersionChanged, and publishes nothing, where a text that was published
    isn't what its source says now. The caller commits.
    """
    published = {
        (row.document, row.number, row.language): row.digest
        for row in db.session.execute(
            sa.select(
                _version.c.document, _version.c.number, _version.c.language, _version.c.digest
            )
        )
    }
    missing = []
    for source in sources(folder):
        digest = published.get((source.document, source.number, source.language))
        if digest is None:
            missing.append(source)
        elif digest != source.digest:
            raise VersionChanged(source)
    if missing:
        db.session.connection().execute(
            sa.insert(DocumentVersion),
            [
                {
                    "document": source.document,
                    "number": source.number,
                    "language": source.language,
                    "text": source.text,
                    "digest": source.digest,
                    "published_at": now,
                    "effective_at": now,
                }
                for source in missing
            ],
        )
    return len(missing)


def current(document: str, language: str) -> DocumentVersion | None:
    """Return the version in force of a document, in a language; None before any was published."""
    query = (
        sa.select(DocumentVersion)
        .where(DocumentVersion.document == document, DocumentVersion.language == language)
        .order_by(DocumentVersion.number.desc())
        .limit(1)
    )
    return db.session.scalar(query)


def version(document: str, number: int, language: str) -> DocumentVersion | None:
    """Return one version of a document, in a language."""
    query = sa.select(DocumentVersion).where(
        DocumentVersion.document == document,
        DocumentVersion.number == number,
        DocumentVersion.language == language,
    )
    return db.session.scalar(query)


def numbers(document: str) -> list[tuple[int, datetime]]:
    """Return the versions of a document and since when each is in force, newest first."""
    query = (
        sa.select(_version.c.number, sa.func.min(_version.c.effective_at))
        .where(_version.c.document == document)
        .group_by(_version.c.number)
        .order_by(_version.c.number.desc())
    )
    return [(number, since) for number, since in db.session.execute(query)]


def record_agreement(
    person_id: str, language: str, reservation_reference: str | None, *, now: datetime
) -> None:
    """Record that a person agreed to both documents as they are in force, in a language.

    Recording it again for the same reservation adds nothing, and keeps the time of the
    first. Uses Core, as it is part of booking; the caller commits. Raises
    NothingPublished.
    """
    latest = (
        sa.select(_version.c.document, sa.func.max(_version.c.number).label("number"))
        .where(_version.c.language == language)
        .group_by(_version.c.document)
        .subquery()
    )
    same = sa.and_(
        _agreement.c.version_id == _version.c.id,
        _agreement.c.person_id == person_id,
        _agreement.c.reservation_reference.is_not_distinct_from(reservation_reference),
    )
    query = (
        sa.select(_version.c.id, _version.c.document, _agreement.c.id.label("agreed"))
        .join(
            latest,
            sa.and_(latest.c.document == _version.c.document, latest.c.number == _version.c.number),
        )
        .outerjoin(_agreement, same)
        .where(_version.c.language == language)
    )
    connection = db.session.connection()
    found = connection.execute(query).all()
    if {row.document for row in found} != {TERMS, PRIVACY}:
        raise NothingPublished(language)
    rows = [
        {
            "person_id": person_id,
            "version_id": row.id,
            "reservation_reference": reservation_reference,
            "agreed_at": now,
        }
        for row in found
        if row.agreed is None
    ]
    if rows:
        connection.execute(sa.insert(Agreement), rows)


@account_requested.connect
def _agree_with_account(account: Account, *, now: datetime) -> None:
    """Record what was agreed to with the request for an account, in its transaction."""
    record_agreement(account.person_id, account.language, None, now=now)


@event.listens_for(DocumentVersion, "before_update")
@event.listens_for(DocumentVersion, "before_delete")
def _refuse(_mapper: Any, _connection: Any, _version: DocumentVersion) -> Never:
    raise VersionIsFinal
