"""Reservations: a basket made firm, its lines, and the promise snapshotted with it."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.accounts.models import Person
from app.core.database import Base, inner, kept, plain, sealed, whose
from app.core.datamap import Kind, Personal, Purpose, Retention
from app.core.vault import opened

HELD, CONFIRMED, RELEASED, CANCELLED = "held", "confirmed", "released", "cancelled"
BOOKING, ASKED = "booking", "asked"
"""What a reservation is: something booked, or a sum that the house asked somebody for."""
_UNPAID = "status = 'confirmed' AND paid_minor = 0 AND total_minor > 0"
AS_HELD: sa.ColumnElement[str] = sa.literal_column("'held'", sa.String)
"""HELD for statements, written out: a database can't tell that a partial index on held
rows serves a statement whose status is a parameter, and reads the whole book instead."""

_WHEN = Personal(
    Kind.BOOKING,
    (Purpose.RESERVATION,),
    Retention.BOOKING,
    "C16",
    readable="availability is counted and proved by these values",
)


class Reservation(Base):
    """One visitor's basket made firm: held while they pay, then confirmed.

    A hold is a reservation with a time. One whose time has passed is discounted
    by readers and released by the next writer.

    One of kind ASKED takes no place: it is a sum that the house asks somebody for, such
    as a lost key, held for as long as its link can be paid on. It begins as it is asked
    for, so no cancellation policy ever gives anything of it back by itself.
    """

    __tablename__ = "reservation"
    __person__ = "person_id"
    __table_args__ = (
        sa.CheckConstraint(
            "status IN ('held', 'confirmed', 'released', 'cancelled')", name="known_status"
        ),
        sa.CheckConstraint("source IN ('web', 'phone', 'walk_in')", name="known_source"),
        sa.CheckConstraint("kind IN ('booking', 'asked')", name="known_kind"),
        sa.CheckConstraint("total_minor >= 0", name="total_not_negative"),
        sa.CheckConstraint("paid_minor >= 0", name="paid_not_negative"),
        sa.CheckConstraint(
            "deposit_minor IS NULL OR (deposit_minor > 0 AND deposit_minor < total_minor"
            " AND balance_due_at IS NOT NULL)",
            name="deposit_is_a_part",
        ),
        sa.CheckConstraint("status != 'held' OR held_until IS NOT NULL", name="hold_has_an_end"),
        sa.CheckConstraint(
            "status NOT IN ('confirmed', 'cancelled') OR person_id IS NOT NULL"
            " OR archived_at IS NOT NULL",
            name="firm_has_a_person",
        ),
        # Two tabs, or a double click: one hold for one basket.
        sa.Index(
            "uq_reservation_basket_id_held",
            "basket_id",
            unique=True,
            sqlite_where=sa.text("status = 'held'"),
            postgresql_where=sa.text("status = 'held'"),
        ),
        sa.Index(
            "ix_reservation_held_until",
            "held_until",
            sqlite_where=sa.text("status = 'held'"),
            postgresql_where=sa.text("status = 'held'"),
        ),
        sa.Index(
            "ix_reservation_cancelled_at",
            "cancelled_at",
            sqlite_where=sa.text("cancelled_at IS NOT NULL"),
            postgresql_where=sa.text("cancelled_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_reservation_asked",
            "id",
            sqlite_where=sa.text("kind = 'asked'"),
            postgresql_where=sa.text("kind = 'asked'"),
        ),
        sa.Index(
            "ix_reservation_belongs_to_id",
            "belongs_to_id",
            sqlite_where=sa.text("belongs_to_id IS NOT NULL"),
            postgresql_where=sa.text("belongs_to_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_reservation_balance_due_at",
            "balance_due_at",
            sqlite_where=sa.text("balance_due_at IS NOT NULL"),
            postgresql_where=sa.text("balance_due_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_reservation_unpaid",
            "id",
            sqlite_where=sa.text(_UNPAID),
            postgresql_where=sa.text(_UNPAID),
        ),
        # Who begins soon is asked for every minute, whatever lies behind.
        sa.Index("ix_reservation_first_start", "first_start"),
    )

    id: Mapped[int] = plain(primary_key=True)
    reference: Mapped[str] = plain(sa.String(12), unique=True)  # random; said on the telephone
    person_id: Mapped[str | None] = whose(sa.ForeignKey("person.id"), index=True)
    basket_id: Mapped[int | None] = plain(sa.ForeignKey("basket.id", ondelete="SET NULL"))
    kind: Mapped[str] = plain(sa.String(8), default=BOOKING, server_default=BOOKING)
    # Of a sum that was asked for: the booking that it is about, if it is about one.
    belongs_to_id: Mapped[int | None] = plain(sa.ForeignKey("reservation.id", ondelete="SET NULL"))
    status: Mapped[str] = plain(sa.String(10))
    language: Mapped[str] = kept(
        Personal(
            Kind.LANGUAGE,
            (Purpose.RESERVATION,),
            Retention.BOOKING,
            "C18",
            readable="the worker chooses the language of a message by it",
        ),
        sa.String(5),
    )
    currency: Mapped[str] = plain(sa.String(3))
    total_minor: Mapped[int] = plain(sa.BigInteger)
    paid_minor: Mapped[int] = plain(sa.BigInteger, server_default="0")  # what counts for it
    # Chosen by the guest: so much to make it firm, and the rest until then.
    deposit_minor: Mapped[int | None] = plain(sa.BigInteger)
    balance_due_at: Mapped[datetime | None] = plain()
    # How far the guest was reminded of it: not yet, a week before, on the day.
    balance_told: Mapped[int] = plain(sa.SmallInteger, default=0, server_default="0")
    quote_digest: Mapped[str] = inner(sa.String(64))  # what the visitor saw is what they pay
    cancellation: Mapped[str] = plain(sa.Text)  # the policy as it stood, in JSON
    first_start: Mapped[datetime] = kept(_WHEN)
    created_at: Mapped[datetime] = plain()
    held_since: Mapped[datetime] = plain()
    held_until: Mapped[datetime | None] = plain()
    confirmed_at: Mapped[datetime | None] = plain()
    cancelled_at: Mapped[datetime | None] = plain()
    released_at: Mapped[datetime | None] = plain()
    refund_minor: Mapped[int | None] = plain(sa.BigInteger)  # promised at cancellation
    link_serial: Mapped[int] = inner(default=1)  # raising it revokes the guest's link
    sequence: Mapped[int] = plain(default=0)  # of its calendar entries, RFC 5545 §3.8.7.4
    # How it came: on the site, by telephone or mail, or at the door.
    source: Mapped[str] = plain(sa.String(8), default="web", server_default="web")
    # When the guest was reminded of their stay, and whether they don't want to be.
    reminded_at: Mapped[datetime | None] = plain()
    unreminded: Mapped[bool] = plain(default=False, server_default=sa.false())
    # What somebody of the house decided about its risk signals: "fine" or "refused".
    risk_decision: Mapped[str | None] = plain(sa.String(8))
    risk_decided_at: Mapped[datetime | None] = plain()
    # Since then it is a paper of the house's books: nobody's name is on it any more.
    archived_at: Mapped[datetime | None] = plain()
    _what_for: Mapped[bytes | None] = sealed(
        "what_for", Personal(Kind.BOOKING, (Purpose.RESERVATION,), Retention.BOOKING, "C16")
    )

    what_for = opened("_what_for")  # what a sum is asked for, in the house's own words

    person: Mapped[Person | None] = relationship()
    lines: Mapped[list["ReservationLine"]] = relationship(
        back_populates="reservation",
        cascade="all, delete-orphan",
        order_by="ReservationLine.position",
    )


class ReservationLine(Base):
    """One line of a reservation: what is taken, or what is charged. Lines are the ledger."""

    __tablename__ = "reservation_line"
    __path_to_person__ = "reservation.person_id"
    __table_args__ = (
        sa.CheckConstraint(
            "kind IN ('stay', 'session', 'extra', 'fee', 'tax', 'discount')", name="known_kind"
        ),
        sa.CheckConstraint(
            "kind != 'stay' OR (arrive IS NOT NULL AND depart > arrive)", name="stay_has_nights"
        ),
        sa.CheckConstraint(
            "kind != 'session' OR (starts_at IS NOT NULL AND ends_at > starts_at)",
            name="session_has_a_time",
        ),
        sa.CheckConstraint("quantity > 0", name="something"),
        sa.Index(
            "ix_reservation_line_starts_at",
            "starts_at",
            sqlite_where=sa.text("starts_at IS NOT NULL"),
            postgresql_where=sa.text("starts_at IS NOT NULL"),
        ),
        # Stays that aren't over: the counters of what lies ahead are proved from them.
        sa.Index(
            "ix_reservation_line_depart",
            "depart",
            sqlite_where=sa.text("depart IS NOT NULL"),
            postgresql_where=sa.text("depart IS NOT NULL"),
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    reservation_id: Mapped[int] = plain(
        sa.ForeignKey("reservation.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int] = plain()
    wish: Mapped[int] = plain(default=0)  # lines of one wish belong together
    kind: Mapped[str] = plain(sa.String(10))
    offer_id: Mapped[int | None] = plain(sa.ForeignKey("offer.id"))
    extra_id: Mapped[int | None] = plain(sa.ForeignKey("extra.id"))
    charge_id: Mapped[int | None] = plain(sa.ForeignKey("charge.id"))
    label: Mapped[dict[str, Any]] = plain()  # {language: name}, as it was called then
    arrive: Mapped[date | None] = kept(_WHEN)
    depart: Mapped[date | None] = kept(_WHEN)
    starts_at: Mapped[datetime | None] = kept(_WHEN)
    ends_at: Mapped[datetime | None] = kept(_WHEN)
    adults: Mapped[int] = kept(_WHEN, default=0)
    children: Mapped[int] = kept(_WHEN, default=0)
    quantity: Mapped[int] = plain()  # nights of one unit, seats of a session, or pieces
    unit_minor: Mapped[int | None] = plain(sa.BigInteger)
    total_minor: Mapped[int] = plain(sa.BigInteger)
    vat_bp: Mapped[int] = plain(default=0)
    vat_minor: Mapped[int] = plain(sa.BigInteger, default=0)  # included in the total
    nightly: Mapped[list[Any]] = plain()  # [[ISO night, minor units], …] of a stay
    # Of a stay: the house wants it in this very unit, and nothing moves it out.
    pinned: Mapped[bool] = plain(default=False, server_default=sa.false())
    # When the house noted that they came, that they left, or that nobody came.
    arrived_at: Mapped[datetime | None] = plain()
    left_at: Mapped[datetime | None] = plain()
    no_show_at: Mapped[datetime | None] = plain()

    reservation: Mapped[Reservation] = relationship(back_populates="lines")

    @property
    def takes_places(self) -> bool:
        """Whether it is a stay or a session, and not something charged with one."""
        return self.kind in ("stay", "session")
