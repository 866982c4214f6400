"""Published versions of the documents, and agreements to them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.core.database import Base, kept, plain, whose
from app.core.datamap import Kind, Personal, Purpose, Retention

TERMS, PRIVACY = "terms", "privacy"


class DocumentVersion(Base):
    """One version of a document in one language. Rows are added, never changed."""

    __tablename__ = "document_version"
    __table_args__ = (
        sa.UniqueConstraint("document", "number", "language"),
        sa.CheckConstraint("document IN ('terms', 'privacy')", name="known_document"),
    )

    id: Mapped[int] = plain(primary_key=True)
    document: Mapped[str] = plain(sa.String(10))
    number: Mapped[int] = plain()
    language: Mapped[str] = plain(sa.String(5))
    text: Mapped[str] = plain(sa.Text)
    digest: Mapped[str] = plain(sa.String(64))  # SHA-256 of the text, hexadecimal
    published_at: Mapped[datetime] = plain()
    effective_at: Mapped[datetime] = plain()


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
