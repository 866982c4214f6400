"""Incidents that were recorded, and who is concerned by each (C15)."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.core.database import Base, inner, kept, plain, sealed, whose
from app.core.datamap import Kind, Personal, Purpose, Retention
from app.core.vault import opened

OPEN, CLOSED = "open", "closed"

DEVICE, MAILBOX, MISSENT, STRANGER, COPIED, PROVIDER, OTHER = KINDS = (
    "device",
    "mailbox",
    "missent",
    "stranger",
    "copied",
    "provider",
    "other",
)
"""What can happen: something lost, read, missent, entered, copied, broken at a provider's."""
RAW = frozenset({COPIED, PROVIDER})
"""Here somebody has the bytes as they are stored; elsewhere what a page or a mail showed."""

UNDECIDED, NO_RISK, RISK, HIGH = "", "none", "risk", "high"

FOUND, ADDED = "found", "added"

_KNOWN_KINDS = ", ".join(repr(kind) for kind in KINDS)


class Incident(Base):
    """What happened, what was decided and what was done about it (GDPR, Article 33(5)).

    It stays when it is closed. Nothing of a guest is in it; the owner's note is sealed.
    """

    __tablename__ = "incident"
    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'closed')", name="known_state"),
        sa.CheckConstraint(f"kind IN ({_KNOWN_KINDS})", name="known_kind"),
        sa.CheckConstraint("risk IN ('', 'none', 'risk', 'high')", name="known_risk"),
        sa.CheckConstraint("risk != 'none' OR risk_why != ''", name="no_risk_is_explained"),
        sa.CheckConstraint("began_at <= ended_at", name="span"),
        sa.CheckConstraint(
            "state = 'open' OR (closed_at IS NOT NULL AND risk != '' AND remedy != '')",
            name="closed_is_documented",
        ),
        sa.CheckConstraint("NOT rehearsal OR public_at IS NULL", name="rehearsal_is_quiet"),
    )

    id: Mapped[int] = plain(primary_key=True)
    state: Mapped[str] = plain(sa.String(6), default=OPEN)
    rehearsal: Mapped[bool] = plain(default=False)
    kind: Mapped[str] = plain(sa.String(10))
    noticed_at: Mapped[datetime] = plain()
    began_at: Mapped[datetime] = plain()  # from about then …
    ended_at: Mapped[datetime] = plain()  # … until then
    recorded_at: Mapped[datetime] = plain()
    listed_at: Mapped[datetime] = plain()
    # {"tables", "kinds", "accounts", "backups": [run's id], "mailbox", "keys", "master"}
    scope: Mapped[dict[str, Any]] = plain()
    note: Mapped[bytes | None] = inner(sa.LargeBinary)  # sealed under a key of the house's
    listed: Mapped[int] = plain(default=0)  # how many people were put on the list
    records: Mapped[int] = plain(default=0)  # how many rows of theirs, about

    # Whether somebody meant it, and whether it is of weight for China's measures.
    on_purpose: Mapped[bool] = plain(default=False)
    significant: Mapped[bool] = plain(default=False)
    proposed: Mapped[str] = plain(sa.String(4), default=UNDECIDED)
    risk: Mapped[str] = plain(sa.String(4), default=UNDECIDED)
    risk_why: Mapped[str] = plain(sa.Text, default="")
    decided_at: Mapped[datetime | None] = plain()

    reported_at: Mapped[datetime | None] = plain()  # to the authority
    late_why: Mapped[str] = plain(sa.Text, default="")
    texts: Mapped[dict[str, Any]] = plain(default=dict)  # {language: {"what", "effects", …}}
    people_at: Mapped[datetime | None] = plain()  # since when people are told
    codes: Mapped[list[Any]] = plain(default=list)  # of the matters under which they are
    public_at: Mapped[datetime | None] = plain()
    public_until: Mapped[datetime | None] = plain()

    remedy: Mapped[str] = plain(sa.Text, default="")
    closed_at: Mapped[datetime | None] = plain()
    counts: Mapped[dict[str, Any]] = plain(default=dict)

    @property
    def code(self) -> str:
        """The name under which it is announced; matters begin with it."""
        return f"incident-{self.id}"


class IncidentPerson(Base):
    """Somebody is concerned by an incident, and with which kinds of data.

    It hangs on the person: whoever is erased is only counted any more.
    """

    __tablename__ = "incident_person"
    __person__ = "person_id"
    __table_args__ = (
        sa.UniqueConstraint("incident_id", "person_id"),
        sa.CheckConstraint("origin IN ('found', 'added')", name="known_origin"),
        sa.CheckConstraint("NOT rehearsal OR told_at IS NULL", name="rehearsal_tells_nobody"),
    )

    id: Mapped[int] = plain(primary_key=True)
    incident_id: Mapped[int] = plain(sa.ForeignKey("incident.id", ondelete="CASCADE"))
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    rehearsal: Mapped[bool] = plain(default=False)
    origin: Mapped[str] = plain(sa.String(5), default=FOUND)
    # Kinds of theirs that could be read, and those that were sealed under keys not taken.
    kinds: Mapped[list[Any]] = kept(
        Personal(
            Kind.NOTICE,
            (Purpose.NOTICE,),
            Retention.RIGHTS,
            "C15",
            readable="who must be told of what is counted by it",
        )
    )
    sealed_kinds: Mapped[list[Any]] = plain()
    noted_at: Mapped[datetime] = plain()
    left_out_at: Mapped[datetime | None] = plain()
    _reason: Mapped[bytes | None] = sealed(
        "reason", Personal(Kind.NOTICE, (Purpose.NOTICE,), Retention.RIGHTS, "C15")
    )
    code: Mapped[str] = inner(sa.String(60), default="")  # of the matter they are told by
    told_at: Mapped[datetime | None] = plain()  # by telephone or letter, by the house

    reason = opened("_reason")  # why the owner put them on the list, or took them off

    incident: Mapped[Incident] = relationship()
