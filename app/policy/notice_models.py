"""What is announced on every page, what people are told, who was, and where to push it."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.accounts.models import Person
from app.core.database import Base, inner, kept, plain, sealed, whose
from app.core.datamap import Kind, Personal, Purpose, Retention
from app.core.vault import opened

MAIL, PUSH = "mail", "push"
WAITING, TOLD, FAILED, SHARED, NOWHERE = "waiting", "told", "failed", "shared", "nowhere"
"""How far it is with telling somebody. SHARED: the mailbox is also that of another person,
by whose name the mail goes; NOWHERE: no address of theirs is known."""


class Announcement(Base):
    """One line on every page, as long as it is so. Nothing of anybody is in it."""

    __tablename__ = "announcement"

    id: Mapped[int] = plain(primary_key=True)
    code: Mapped[str] = plain(sa.String(60), unique=True)
    kind: Mapped[str] = plain(sa.String(30))
    since: Mapped[datetime] = plain()
    until: Mapped[datetime | None] = plain()
    facts: Mapped[dict[str, Any]] = plain()  # as `facts_kept.keep` makes them
    endpoint: Mapped[str] = plain(sa.String(60))  # where its link leads
    endpoint_values: Mapped[dict[str, Any]] = plain()


class Matter(Base):
    """Something that people must be told, each once. Nothing of anybody is in it."""

    __tablename__ = "matter"

    id: Mapped[int] = plain(primary_key=True)
    code: Mapped[str] = plain(sa.String(60), unique=True)
    kind: Mapped[str] = plain(sa.String(30))
    facts: Mapped[dict[str, Any]] = plain()
    endpoint: Mapped[str | None] = plain(sa.String(60))
    endpoint_values: Mapped[dict[str, Any]] = plain()
    made_at: Mapped[datetime] = plain()
    # Since when it is known who is to be told.
    gathered_at: Mapped[datetime | None] = plain()


class Told(Base):
    """Somebody is told of a matter in one way: written before, marked after it was sent."""

    __tablename__ = "told"
    __person__ = "person_id"
    __table_args__ = (
        # Whatever crashes and repeats: one row, and so one message, a person and way.
        sa.UniqueConstraint("matter_id", "person_id", "how"),
        sa.CheckConstraint("how IN ('mail', 'push')", name="known_how"),
        sa.CheckConstraint(
            "state IN ('waiting', 'told', 'failed', 'shared', 'nowhere')", name="known_state"
        ),
        sa.CheckConstraint("state != 'told' OR at IS NOT NULL", name="told_has_a_time"),
        sa.Index(
            "ix_told_waiting",
            "matter_id",
            "not_before",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    matter_id: Mapped[int] = plain(sa.ForeignKey("matter.id", ondelete="CASCADE"))
    how: Mapped[str] = plain(sa.String(4))
    state: Mapped[str] = plain(sa.String(7))
    # Until then somebody is sending it, or it waits for another try.
    not_before: Mapped[datetime] = inner()
    tries: Mapped[int] = inner(server_default="0")
    at: Mapped[datetime | None] = kept(
        Personal(
            Kind.NOTICE,
            (Purpose.NOTICE,),
            Retention.PERSON,
            "C25",
            readable="that somebody was told is proved by its time",
        )
    )

    matter: Mapped[Matter] = relationship()


class PushSubscription(Base):
    """A browser that shows what must be known, because its person asked for that there."""

    __tablename__ = "push_subscription"
    __person__ = "person_id"

    id: Mapped[int] = plain(primary_key=True)
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    # Of the endpoint, keyed: the same browser twice is one row. It tells nothing without it.
    digest: Mapped[bytes] = inner(sa.LargeBinary(32), unique=True)
    # In which session, if in one: it ends when somebody signs out there, not by time.
    session_id: Mapped[int | None] = inner(
        sa.ForeignKey("session.id", ondelete="SET NULL"), index=True
    )
    made_at: Mapped[datetime] = plain()
    language: Mapped[str] = kept(
        Personal(
            Kind.LANGUAGE,
            (Purpose.NOTICE,),
            Retention.PERSON,
            "C18",
            readable="what is pushed is written in it",
        ),
        sa.String(5),
    )
    _endpoint: Mapped[bytes | None] = sealed(
        "endpoint", Personal(Kind.PUSH, (Purpose.NOTICE,), Retention.PERSON, "C13")
    )
    _keys: Mapped[bytes | None] = sealed(
        "keys", Personal(Kind.PUSH, (Purpose.NOTICE,), Retention.PERSON, "C13")
    )
    _device: Mapped[bytes | None] = sealed(
        "device", Personal(Kind.DEVICE, (Purpose.NOTICE,), Retention.PERSON, "C13")
    )

    endpoint = opened("_endpoint")
    keys = opened("_keys")  # JSON: p256dh and auth, RFC 8291
    device = opened("_device")  # the families of a browser and a system

    person: Mapped[Person] = relationship()
