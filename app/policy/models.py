"""Published versions of the documents, their drafts, agreements to them, and who was shown them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, relationship

from app.core.database import Base, inner, kept, plain, table, whose
from app.core.datamap import Kind, Personal, Purpose, Retention

TERMS, PRIVACY = "terms", "privacy"
DOCUMENTS = (TERMS, PRIVACY)


class DocumentVersion(Base):
    """One version of a document in one language. Rows are added, never changed.

    Only one thing can still happen to a version: before it is in force it may be taken
    back, which is noted. The database itself refuses everything else.
    """

    __tablename__ = "document_version"
    __table_args__ = (
        sa.UniqueConstraint("document", "number", "language"),
        sa.CheckConstraint("document IN ('terms', 'privacy')", name="known_document"),
        sa.Index("uq_document_version_source", "source", "language", unique=True),
    )

    id: Mapped[int] = plain(primary_key=True)
    document: Mapped[str] = plain(sa.String(10))
    number: Mapped[int] = plain()
    language: Mapped[str] = plain(sa.String(5))
    text: Mapped[str] = plain(sa.Text)
    digest: Mapped[str] = plain(sa.String(64))  # SHA-256 of the text, hexadecimal
    published_at: Mapped[datetime] = plain()
    effective_at: Mapped[datetime] = plain()
    # Which text of the program it is, such as "privacy-4"; None for one of the owner's own.
    source: Mapped[str | None] = plain(sa.String(20))
    # As it was written, with the names of its facts; None where the program's file has it.
    written: Mapped[str | None] = plain(sa.Text)
    # What changes, in a sentence; empty for a version that nobody had to be told of.
    summary: Mapped[str] = plain(sa.Text, server_default="")
    withdrawn_at: Mapped[datetime | None] = plain()


class Agreement(Base):
    """A person's agreement to one version, in the language they read it in."""

    __tablename__ = "agreement"
    __person__ = "person_id"
    __table_args__ = (sa.UniqueConstraint("person_id", "version_id", "reservation_reference"),)

    id: Mapped[int] = plain(primary_key=True)
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"))
    version_id: Mapped[int] = plain(sa.ForeignKey("document_version.id"))
    reservation_reference: Mapped[str | None] = plain(sa.String(12))
    agreed_at: Mapped[datetime] = kept(
        Personal(
            Kind.AGREEMENT,
            (Purpose.AGREEMENT,),
            Retention.BOOKING,
            "C05",
            readable="an agreement is proved by its time and version",
        )
    )

    version: Mapped[DocumentVersion] = relationship()


class Draft(Base):
    """A version of a document that is being written. Nothing of it counts yet."""

    __tablename__ = "document_draft"
    __table_args__ = (
        sa.CheckConstraint("document IN ('terms', 'privacy')", name="known_document"),
    )

    id: Mapped[int] = plain(primary_key=True)
    document: Mapped[str] = plain(sa.String(10))
    # Which text of the program it began as; None where it began as a published version.
    source: Mapped[str | None] = plain(sa.String(20))
    based_on: Mapped[int | None] = plain()  # the number of that version
    made_at: Mapped[datetime] = plain()

    texts: Mapped[list["DraftText"]] = relationship(
        cascade="all, delete-orphan", order_by="DraftText.language"
    )


class DraftText(Base):
    """A draft in one language. `revision` counts on, so that nobody overwrites unseen."""

    __tablename__ = "draft_text"

    draft_id: Mapped[int] = plain(
        sa.ForeignKey("document_draft.id", ondelete="CASCADE"), primary_key=True
    )
    language: Mapped[str] = plain(sa.String(5), primary_key=True)
    text: Mapped[str] = plain(sa.Text)
    summary: Mapped[str] = plain(sa.Text, server_default="")
    revision: Mapped[int] = plain(server_default="1")
    changed_at: Mapped[datetime] = plain()


class ShippedText(Base):
    """A text of the program that the owner was offered, so that it is offered once."""

    __tablename__ = "shipped_text"

    name: Mapped[str] = plain(sa.String(20), primary_key=True)
    digest: Mapped[str] = plain(sa.String(64))  # of its files in every language
    came_at: Mapped[datetime] = plain()


_NOTICED = Personal(
    Kind.NOTICE,
    (Purpose.NOTICE,),
    Retention.PERSON,
    "C25",
    readable="that somebody was shown a version is proved by its time",
)


class VersionNotice(Base):
    """Somebody was shown that a version comes, and perhaps said that they noticed. No consent."""

    __tablename__ = "version_notice"
    __person__ = "person_id"
    __table_args__ = (
        sa.UniqueConstraint("person_id", "document", "number"),
        sa.ForeignKeyConstraint(
            ["document", "number", "language"],
            ["document_version.document", "document_version.number", "document_version.language"],
        ),
        sa.CheckConstraint("noticed_how IN ('', 'button', 'use')", name="known_how"),
        sa.CheckConstraint("(noticed_at IS NULL) = (noticed_how = '')", name="noticed_somehow"),
    )

    id: Mapped[int] = plain(primary_key=True)
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    document: Mapped[str] = plain(sa.String(10))
    number: Mapped[int] = plain()
    language: Mapped[str] = plain(sa.String(5))  # in which it was shown
    key_digest: Mapped[bytes] = inner(sa.LargeBinary(32), unique=True)  # of the button's key
    shown_at: Mapped[datetime] = kept(_NOTICED)
    noticed_at: Mapped[datetime | None] = kept(_NOTICED)
    noticed_how: Mapped[str] = plain(sa.String(6), server_default="")

    version: Mapped[DocumentVersion] = relationship(viewonly=True)


# -- A published version is final, whoever asks ---------------------------------------------

_FINAL = (
    "id", "document", "number", "language", "text", "digest", "published_at", "effective_at",
    "source", "written", "summary",
)  # fmt: skip
_SAME = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in _FINAL)
_TAKEN_BACK = (
    "OLD.withdrawn_at IS NULL AND NEW.withdrawn_at IS NOT NULL "
    "AND NEW.withdrawn_at < OLD.effective_at"
)

VERSION_GUARDS: dict[str, tuple[str, ...]] = {
    "sqlite": (
        """CREATE TRIGGER document_version_no_delete BEFORE DELETE ON document_version
        BEGIN SELECT RAISE(ABORT, 'a published version is final'); END""",
        f"""CREATE TRIGGER document_version_no_update BEFORE UPDATE ON document_version
        WHEN NOT ({_SAME} AND {_TAKEN_BACK})
        BEGIN SELECT RAISE(ABORT, 'a published version is final'); END""",
    ),
    "postgresql": (
        f"""CREATE FUNCTION document_version_is_final() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN
        IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'withdrawn_at' = to_jsonb(OLD) - 'withdrawn_at'
        AND {_TAKEN_BACK} THEN RETURN NEW; END IF;
        RAISE EXCEPTION 'a published version is final'; END$$""",
        """CREATE TRIGGER document_version_final BEFORE UPDATE OR DELETE ON document_version
        FOR EACH ROW EXECUTE FUNCTION document_version_is_final()""",
    ),
}
"""What the database says to a program that would change what was published, by dialect."""

for _dialect, _statements in VERSION_GUARDS.items():
    for _statement in _statements:
        _guard = sa.DDL(_statement).execute_if(dialect=_dialect)  # type: ignore[no-untyped-call]
        event.listen(table(DocumentVersion), "after_create", _guard)
