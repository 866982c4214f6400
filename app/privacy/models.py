"""Requests and their clocks, downloads, erasures, guests' keys, and what the purge did."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.accounts.models import Person
from app.core.database import Base, inner, one_of, plain, sealed, whose
from app.core.datamap import Kind, Personal, Purpose, Retention
from app.core.vault import opened

ACCESS, CORRECT, ERASE, RESTRICT, OBJECT, MOVE, OTHER = (
    "access",
    "correct",
    "erase",
    "restrict",
    "object",
    "move",
    "other",
)
REQUESTS = (ACCESS, CORRECT, ERASE, RESTRICT, OBJECT, MOVE, OTHER)

ASKED, MAKING, READY, FAILED = "asked", "making", "ready", "failed"
POSTPONED, RUNNING, DONE, WITHDRAWN = "postponed", "running", "done", "withdrawn"
"""Of an erasure. It stays running, and is gone on with, until every store has confirmed."""


class PrivacyRequest(Base):
    """What somebody asked about their own data, and until when the law wants it answered."""

    __tablename__ = "privacy_request"
    __person__ = "person_id"
    __table_args__ = (
        sa.CheckConstraint(one_of("kind", REQUESTS), name="known_kind"),
        sa.CheckConstraint("(extended_to IS NULL) = (extended_at IS NULL)", name="extension"),
        sa.Index(
            "ix_privacy_request_open",
            "due_on",
            sqlite_where=sa.text("answered_at IS NULL"),
            postgresql_where=sa.text("answered_at IS NULL"),
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    # Stays as a number in the books when the person is erased: no request is forgotten.
    person_id: Mapped[str | None] = whose(
        sa.ForeignKey("person.id", ondelete="SET NULL"), index=True
    )
    kind: Mapped[str] = plain(sa.String(10))
    law: Mapped[str] = plain(sa.String(12))  # a key of privacy.clocks
    # Answered by the site itself, at once; nobody had to do anything.
    by_itself: Mapped[bool] = plain(default=False)
    made_at: Mapped[datetime] = plain()
    due_on: Mapped[date] = plain()
    extended_at: Mapped[datetime | None] = plain()
    extended_to: Mapped[date | None] = plain()
    answered_at: Mapped[datetime | None] = plain()
    granted: Mapped[bool | None] = plain()
    reminded: Mapped[int] = plain(default=0)  # how far the house was reminded of its clock
    _words: Mapped[bytes | None] = sealed(
        "words", Personal(Kind.MESSAGE, (Purpose.RIGHTS,), Retention.RIGHTS, "C26")
    )
    _answer: Mapped[bytes | None] = sealed(
        "answer", Personal(Kind.MESSAGE, (Purpose.RIGHTS,), Retention.RIGHTS, "C26")
    )

    words = opened("_words")  # what was asked
    answer = opened("_answer")  # what the house said, reasons of a refusal or delay included

    person: Mapped[Person | None] = relationship()


class Export(Base):
    """A download of one's own data: asked for, made in the background, gone after its hours."""

    __tablename__ = "export"
    __person__ = "person_id"
    __table_args__ = (
        sa.CheckConstraint(one_of("state", (ASKED, MAKING, READY, FAILED)), name="known_state"),
        sa.CheckConstraint("state != 'ready' OR expires_at IS NOT NULL", name="ready_has_an_end"),
        # Two tabs, or a double click: one in the making for one person.
        sa.Index(
            "uq_export_person_id_making",
            "person_id",
            unique=True,
            sqlite_where=sa.text("state IN ('asked', 'making')"),
            postgresql_where=sa.text("state IN ('asked', 'making')"),
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    # The subject's first person: the chunks are sealed under their key.
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    # All of the subject's persons, as they were when it was asked for.
    person_ids: Mapped[list[Any]] = inner()
    language: Mapped[str] = plain(sa.String(5))
    state: Mapped[str] = plain(sa.String(8), default=ASKED)
    # Names the try whose pieces count: one that was overtaken writes no more.
    maker: Mapped[str | None] = inner(sa.String(16))
    asked_at: Mapped[datetime] = plain()
    ready_at: Mapped[datetime | None] = plain()
    expires_at: Mapped[datetime | None] = plain(index=True)
    done: Mapped[int] = plain(default=0)  # rows written so far
    total: Mapped[int | None] = plain()
    size: Mapped[int | None] = plain(sa.BigInteger)  # bytes of the ZIP
    error: Mapped[str | None] = inner(sa.String(60))  # a type's name


class ExportChunk(Base):
    """A piece of a download, sealed under the person's key. Goes with the export."""

    __tablename__ = "export_chunk"
    __path_to_person__ = "export.person_id"

    export_id: Mapped[int] = plain(sa.ForeignKey("export.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = inner(primary_key=True, autoincrement=False)
    sealed_bytes: Mapped[bytes] = inner(sa.LargeBinary)

    export: Mapped[Export] = relationship()


class DataKey(Base):
    """A guest's way to their own data after the mailed code: only digests are kept.

    First it holds the code's digest; once the right code was typed, it opens the pages
    of `/data/<key>` until it runs out.
    """

    __tablename__ = "data_key"
    __person__ = "person_id"

    id: Mapped[int] = plain(primary_key=True)
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    reservation_id: Mapped[int] = plain(sa.ForeignKey("reservation.id", ondelete="CASCADE"))
    key_digest: Mapped[bytes] = inner(sa.LargeBinary(32), unique=True)
    tries: Mapped[int] = plain(default=0)
    made_at: Mapped[datetime] = plain()
    proved_at: Mapped[datetime | None] = plain()
    expires_at: Mapped[datetime] = plain(index=True)
    _code: Mapped[bytes | None] = sealed(
        "code", Personal(Kind.CREDENTIAL, (Purpose.RIGHTS,), Retention.SECURITY, "C17")
    )

    code = opened("_code")  # what was mailed; emptied once it was typed


class Erasure(Base):
    """A subject's wish to be gone, or their date: postponed to a day, running, or done.

    Nothing in it tells of the person; what it proved is the certificate.
    """

    __tablename__ = "erasure"
    __person__ = "person_id"
    __table_args__ = (
        sa.CheckConstraint(
            one_of("state", (POSTPONED, RUNNING, DONE, WITHDRAWN)), name="known_state"
        ),
        sa.CheckConstraint("state != 'postponed' OR runs_on IS NOT NULL", name="has_its_day"),
    )

    id: Mapped[int] = plain(primary_key=True)
    person_id: Mapped[str | None] = whose(
        sa.ForeignKey("person.id", ondelete="SET NULL"), index=True
    )
    # The subject's persons while it is under way; empty when it is done.
    person_ids: Mapped[list[Any]] = inner()
    cause: Mapped[str] = plain(sa.String(10))  # as in core.erasures
    state: Mapped[str] = plain(sa.String(10))
    stage: Mapped[str] = plain(sa.String(20), default="")  # the last one that was finished
    language: Mapped[str] = plain(sa.String(5))
    asked_at: Mapped[datetime] = plain()
    runs_on: Mapped[date | None] = plain(index=True)
    begun_at: Mapped[datetime | None] = plain()
    done_at: Mapped[datetime | None] = plain()
    counts: Mapped[dict[str, Any]] = plain()  # {table: rows gone}
    left: Mapped[list[Any]] = plain()  # [{"what", "rows", "ground", "until"}, …]
    certificate: Mapped[str | None] = plain(sa.Text)  # signed, canonical JSON
    link_digest: Mapped[bytes] = inner(sa.LargeBinary(32), unique=True)


class PurgeRun(Base):
    """What one daily purge did, in numbers: what the policy's page shows of it."""

    __tablename__ = "purge_run"

    day: Mapped[date] = plain(primary_key=True)
    at: Mapped[datetime] = plain()
    counts: Mapped[dict[str, Any]] = plain()  # {sweep's name: rows}
    failed: Mapped[list[Any]] = plain()  # names of sweeps that raised
