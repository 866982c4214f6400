"""Publishing versions of the terms and the privacy policy, and agreeing to them (C05).

What is published never changes: a change is a new number, which stands beside
the old one. An agreement points to the very text that a person was shown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Never

import sqlalchemy as sa
from sqlalchemy import event

from app.accounts.models import HOUSE, Account, Person
from app.accounts.registering import account_requested
from app.core.database import db
from app.core.unavailable import NotNow
from app.policy import drafts
from app.policy.models import DOCUMENTS, PRIVACY, TERMS, Agreement, DocumentVersion
from app.policy.sources import FOLDER, Source, sources

IN_FORCE, COMING, EARLIER, WITHDRAWN = "in_force", "coming", "earlier", "withdrawn"
"""Where a published version can stand."""

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


class NothingPublished(NotNow):
    """There is no version of a document that anybody could agree to.

    So it is before the first ones are published, and where a clock was set back to then.
    """


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a published version stands at an instant."""

    document: str
    number: int
    published_at: datetime
    effective_at: datetime
    withdrawn_at: datetime | None
    source: str | None  # of the program; None for one of the owner's own
    state: str  # IN_FORCE, COMING, EARLIER or WITHDRAWN


def publish_missing(*, now: datetime, folder: Path = FOLDER) -> int:
    """Publish the program's texts that aren't published yet, and return how many they were.

    They are in force at once where nobody is concerned: nothing of the document was
    published, or there is nobody yet to be told, and the owner has no text of their own.
    Otherwise the newest of them becomes a draft, which the owner is shown once.

    Raises VersionChanged, and publishes nothing, where a text that was published
    isn't what its source says now. The caller commits.
    """
    known = _published()
    missing: dict[str, list[Source]] = {}
    for source in sources(folder):
        digest = known.get(source.name, {}).get(source.language)
        if digest is None:
            missing.setdefault(source.name, []).append(source)
        elif digest != source.digest:
            raise VersionChanged(source)
    rows: list[dict[str, Any]] = []
    for document in DOCUMENTS:
        names = [name for name, found in missing.items() if found[0].document == document]
        # A language that the site has learned since joins the version that is there.
        rows += [row for name in names if name in known for row in _joining(missing[name])]
        new = _after(known, [missing[name] for name in names if name not in known])
        if new and _concerns_nobody(document):
            rows += _at_once(document, new, now=now)
        elif new:
            drafts.offer(document, new[-1][0].name, now=now, folder=folder)
    if rows:
        db.session.connection().execute(sa.insert(DocumentVersion), rows)
    return len(rows)


def _published() -> dict[str, dict[str, str]]:
    """Return the digests of the program's texts that were published, by name and language."""
    query = sa.select(_version.c.source, _version.c.language, _version.c.digest)
    found: dict[str, dict[str, str]] = {}
    for name, language, digest in db.session.execute(query.where(_version.c.source.is_not(None))):
        found.setdefault(name, {})[language] = digest
    return found


def _after(known: Mapping[str, object], found: list[list[Source]]) -> list[list[Source]]:
    """Return the texts to go on with, without those that another one replaced before.

    A new site begins with the newest text: nobody here was ever promised the earlier ones.
    """
    if not found:
        return found
    document = found[0][0].document
    numbers = [int(name.rpartition("-")[2]) for name in known if name.startswith(f"{document}-")]
    if not numbers:
        return found[-1:]
    return [one for one in found if one[0].number > max(numbers)]


def _concerns_nobody(document: str) -> bool:
    """Whether a text may be in force at once: nobody has relied on another one yet."""
    there = sa.exists().where(_version.c.document == document)
    own = sa.exists().where(_version.c.document == document, _version.c.source.is_(None))
    house = sa.select(Account.person_id).where(Account.role.in_(HOUSE))
    somebody = sa.exists().where(Person.id.not_in(house))
    agreed = sa.exists().where(_agreement.c.id.is_not(None))
    query = sa.select(sa.or_(sa.not_(there), sa.not_(sa.or_(own, somebody, agreed))))
    return bool(db.session.scalar(query))


def _at_once(
    document: str, found: list[list[Source]], *, now: datetime
) -> Iterator[dict[str, Any]]:
    last = latest_number(document)
    for together in found:
        last = max(last + 1, together[0].number)
        for source in together:
            yield row_of(
                document, last, source.language, source.text, source=source.name,
                published_at=now, effective_at=now,
            )  # fmt: skip


def _joining(found: list[Source]) -> Iterator[dict[str, Any]]:
    query = sa.select(_version).where(_version.c.source == found[0].name).limit(1)
    there = db.session.execute(query).one()
    for source in found:
        yield row_of(
            source.document, there.number, source.language, source.text, source=source.name,
            published_at=there.published_at, effective_at=there.effective_at,
        )  # fmt: skip


def row_of(document: str, number: int, language: str, text: str, **more: Any) -> dict[str, Any]:
    """Return the values of a version's row, with the digest of its text."""
    return {
        "document": document,
        "number": number,
        "language": language,
        "text": text,
        "digest": sha256(text.encode()).hexdigest(),
        **more,
    }


def latest_number(document: str) -> int:
    """Return the highest number of a document, of what was taken back too; 0 before any."""
    query = sa.select(sa.func.max(_version.c.number)).where(_version.c.document == document)
    return db.session.scalar(query) or 0


def in_force(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Say of versions that they have come into force by an instant; the highest one counts."""
    return (_version.c.effective_at <= now, _version.c.withdrawn_at.is_(None))


def current(document: str, language: str, *, now: datetime) -> DocumentVersion | None:
    """Return the version in force of a document, in a language; None before any is.

    It is the one with the highest number of those whose day has come.
    """
    query = (
        sa.select(DocumentVersion)
        .where(DocumentVersion.document == document, DocumentVersion.language == language)
        .where(*in_force(now))
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


def standings(document: str, *, now: datetime) -> list[Standing]:
    """Return every published version of a document and where it stands, newest first."""
    query = (
        sa.select(
            _version.c.number,
            _version.c.published_at,
            _version.c.effective_at,
            _version.c.withdrawn_at,
            _version.c.source,
        )
        .where(_version.c.document == document)
        .distinct()
        .order_by(_version.c.number.desc())
    )
    rows = db.session.execute(query).all()
    come = [r.number for r in rows if r.withdrawn_at is None and r.effective_at <= now]
    found: dict[int, Standing] = {}
    for row in rows:
        if row.withdrawn_at is not None:
            state = WITHDRAWN
        elif row.effective_at > now:
            state = COMING
        else:
            state = IN_FORCE if row.number == come[0] else EARLIER
        found.setdefault(row.number, Standing(document, *row, state))
    return list(found.values())


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
        .where(_version.c.language == language, *in_force(now))
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
