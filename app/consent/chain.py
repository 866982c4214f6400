"""The chain of receipts: each entry's digest covers the one before it.

A chain alone is weak, because whoever holds the database can make it anew. So
its heads are published every day, and each visitor takes a receipt along that
names their entry's place and digest: those are the witnesses that `verify` asks.
An entry's words go after their term; their digest stays, and the chain holds.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from dateutil.relativedelta import relativedelta

from app.consent.canonical import canonical, digest_of
from app.consent.models import Entry, Head, NoticeText
from app.consent.register import CHOICE_MONTHS
from app.core.database import db, table

PROOF_YEARS = 3
"""How long what was chosen can be proved after it ran out: as long as it can be disputed
(three years, BGB §§ 195, 199)."""

ORIGIN = "0" * 64
"""What stands before the first entry."""

_HEX = re.compile(r"[0-9a-f]{64}")
_SHOWN = re.compile(r'"notice":\{"digest":"([0-9a-f]{64})"')  # in canonical JSON
_entries, _heads, _notices = table(Entry), table(Head), table(NoticeText)
# Two who append at once on PostgreSQL wait for each other here; SQLite has one writer anyway.
_LOCK = sa.text("SELECT pg_advisory_xact_lock(7205759403)")


class Link(NamedTuple):
    """Where an entry stands in the chain."""

    position: int
    digest: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that isn't as it was: where, and what, in English for operators."""

    position: int
    what: str


def hold() -> None:
    """Keep others from appending until the present transaction ends. May be asked for again."""
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)


def append(body: dict[str, Any], *, now: datetime) -> Link:
    """Add an entry at the end of the chain. The caller commits."""
    hold()
    connection = db.session.connection()
    last = head()
    text = canonical(body)
    at = now.replace(microsecond=0)
    position = last.position + 1
    body_digest = digest_of(text)
    digest = link_digest(position, at, body_digest, last.digest)
    connection.execute(
        sa.insert(Entry),
        {
            "position": position,
            "at": at,
            "body": text,
            "body_digest": body_digest,
            "previous": last.digest,
            "digest": digest,
        },
    )
    return Link(position, digest)


def head() -> Link:
    """Return the end of the chain; position 0 where it is empty."""
    query = (
        sa.select(_entries.c.position, _entries.c.digest)
        .order_by(_entries.c.position.desc())
        .limit(1)
    )
    row = db.session.connection().execute(query).first()
    return Link(row.position, row.digest) if row else Link(0, ORIGIN)


def entry_of(receipt_digest: str) -> Entry | None:
    """Return the entry with a digest, or None."""
    if not _HEX.fullmatch(receipt_digest):
        return None
    return db.session.scalar(sa.select(Entry).where(Entry.digest == receipt_digest))


def find(receipt_id: str, made_at: datetime) -> Entry | None:
    """Return the entry of a receipt whose words are still kept.

    The chain has no index by receipt, so that nobody can be looked up in it by
    accident; the instant finds the few entries of that second.
    """
    rows = db.session.scalars(sa.select(Entry).where(Entry.at == made_at.replace(microsecond=0)))
    needle = f'"record_id":"{receipt_id}"'
    return next((row for row in rows if row.body and needle in row.body), None)


def publish_head(*, now: datetime) -> bool:
    """Publish today's head, once a day; tell whether there was a new one. The caller commits."""
    hold()  # of two workers at midnight the second finds the first one's head
    last = head()
    day = now.astimezone(UTC).date()
    known = db.session.execute(
        sa.select(_heads.c.day, _heads.c.position).order_by(_heads.c.day.desc()).limit(1)
    ).first()
    if not last.position or (known and (known.day >= day or known.position == last.position)):
        return False
    db.session.execute(
        sa.insert(Head), {"day": day, "position": last.position, "digest": last.digest}
    )
    return True


def heads(most: int = 400) -> list[Head]:
    """Return the published heads, newest first."""
    return list(db.session.scalars(sa.select(Head).order_by(Head.day.desc()).limit(most)))


def words_are_old(now: datetime) -> sa.ColumnElement[bool]:
    """Say of an entry that the term of what was chosen is over, and it is still there."""
    return sa.and_(Entry.at <= _term(now), Entry.body.is_not(None))


def forget_words(positions: Sequence[int]) -> None:
    """Delete what was chosen; its digest stays. The caller commits."""
    db.session.execute(sa.update(Entry).where(Entry.position.in_(positions)).values(body=None))


def verify(
    witnesses: Iterable[Link] = (),
    *,
    now: datetime,
    each: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> Iterator[Finding]:
    """Yield what is wrong with the chain; nothing where all is well.

    Reads every entry once, in memory that doesn't grow with the chain. Heads that
    were published here are witnesses too, beside those handed in. `each` may wrap
    the entries, to show how far it is.
    """
    expected: dict[int, str] = {}
    published = [Link(head.position, head.digest) for head in heads(most=100_000)]
    for link in (*published, *witnesses):
        if expected.setdefault(link.position, link.digest) != link.digest:
            yield Finding(link.position, "two witnesses contradict each other here")
    shown = _sound_notices()
    position, previous = 0, ORIGIN
    rows = db.session.execute(
        sa.select(_entries).order_by(_entries.c.position).execution_options(yield_per=1000)
    )
    for row in each(rows):
        if row.position != position + 1:
            yield Finding(position + 1, f"missing up to {row.position - 1}")
        elif row.previous != previous:
            yield Finding(row.position, "doesn't follow the entry before it")
        yield from _faults(row, shown, now)
        if row.position in expected and expected.pop(row.position) != row.digest:
            yield Finding(row.position, "isn't what a witness has seen here")
        position, previous = row.position, row.digest
    for lost in sorted(p for p in expected if p > position):
        yield Finding(lost, f"cut off: the chain ends at {position}")
    for lost in sorted(p for p in expected if p <= position):
        yield Finding(lost, "a witness has seen an entry here, and there is none")


def _sound_notices() -> frozenset[str]:
    """Return the digests of the questions whose words are kept as they were."""
    rows = db.session.execute(sa.select(_notices.c.digest, _notices.c.text))
    return frozenset(row.digest for row in rows if digest_of(row.text) == row.digest)


def _faults(row: Any, shown: frozenset[str], now: datetime) -> Iterator[Finding]:
    if row.body is None:
        if row.at > _term(now):
            yield Finding(row.position, "its words are gone before their term")
    elif digest_of(row.body) != row.body_digest:
        yield Finding(row.position, "its words were edited")
    elif (named := _SHOWN.search(row.body)) and named[1] not in shown:
        yield Finding(row.position, "the words of its question were edited, or are gone")
    if row.digest != link_digest(row.position, row.at, row.body_digest, row.previous):
        yield Finding(row.position, "its digest isn't its own")


def link_digest(position: int, at: datetime, body_digest: str, previous: str) -> str:
    """Return the digest of an entry: over its place, its instant, its words, and the one before."""
    covered = {
        "position": position,
        "at": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "body": body_digest,
        "previous": previous,
    }
    return digest_of(canonical(covered))


def _term(now: datetime) -> datetime:
    return now - relativedelta(years=PROOF_YEARS, months=CHOICE_MONTHS)
