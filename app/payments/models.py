"""Attempts to pay, refunds, the ledger, and the notices that were heard."""

from datetime import datetime
from typing import Any, Never

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, relationship

from app.booking.models import Reservation
from app.core.database import Base, inner, one_of, plain, sealed, whose
from app.core.datamap import Kind, Personal, Purpose, Retention
from app.core.vault import opened
from app.payments.states import (
    CREATED,
    DISPUTE_STATES,
    OPEN,
    PAYMENT_STATES,
    REFUND_STATES,
    REQUESTED,
)

_OPEN = sa.text(one_of("state", OPEN))
_REVIEW = sa.text("state = 'review'")
# As the indexes have them: with parameters, no database knows that one serves.
IS_OPEN = sa.text(one_of("payment.state", OPEN))
IS_REVIEW = sa.text("payment.state = 'review'")
_MEANS = Personal(Kind.PAYMENT, (Purpose.RESERVATION,), Retention.BOOKING, "C03")
CAPTURE, REFUND, REFUND_REVERSAL = "capture", "refund", "refund_reversal"
CHARGEBACK, CHARGEBACK_REVERSAL = "chargeback", "chargeback_reversal"
FULL, DEPOSIT, BALANCE = "full", "deposit", "balance"

# How it is paid: on the provider's page; there, and the means are kept at the guest's wish;
# from kept means, without the guest there.
PAGE, KEEP, KEPT = "page", "keep", "kept"

# The accounts of the ledger: what the provider has of ours, what guests have paid in, and
# what their banks have taken back.
PROVIDER, GUESTS, DISPUTES = "provider", "guests", "disputes"
POSTINGS = {
    CAPTURE: (PROVIDER, GUESTS),
    REFUND: (GUESTS, PROVIDER),
    REFUND_REVERSAL: (PROVIDER, GUESTS),
    CHARGEBACK: (DISPUTES, PROVIDER),
    CHARGEBACK_REVERSAL: (PROVIDER, DISPUTES),
}
"""What each kind of movement debits and credits."""


class Payment(Base):
    """One attempt to pay a reservation. Committed before the provider hears of it.

    What was refunded is the sum of its refunds, and no column.
    """

    __tablename__ = "payment"
    __person__ = "person_id"
    __table_args__ = (
        sa.CheckConstraint(one_of("state", PAYMENT_STATES), name="known_state"),
        # A total of nothing never reaches a provider.
        sa.CheckConstraint("amount_minor > 0", name="something_to_pay"),
        sa.CheckConstraint("captured_minor >= 0", name="captured_not_negative"),
        sa.CheckConstraint("state != 'paid' OR captured_minor = amount_minor", name="paid_in_full"),
        sa.CheckConstraint("state != 'review' OR review IS NOT NULL", name="review_has_a_reason"),
        sa.CheckConstraint("part IN ('full', 'deposit', 'balance')", name="known_part"),
        sa.CheckConstraint("way IN ('page', 'keep', 'kept')", name="known_way"),
        sa.UniqueConstraint("provider", "provider_ref"),
        # Two tabs, or a double click: one open attempt for one reservation.
        sa.Index(
            "uq_payment_reservation_id_open",
            "reservation_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        sa.Index("ix_payment_open", "state", sqlite_where=_OPEN, postgresql_where=_OPEN),
        sa.Index("ix_payment_review", "state", sqlite_where=_REVIEW, postgresql_where=_REVIEW),
    )

    id: Mapped[str] = plain(sa.String(36), primary_key=True)  # UUID; all that a provider knows
    # Attempts go with an unpaid reservation. Money that moved stays: its ledger lines
    # refer to the attempt, and refuse to let it go.
    reservation_id: Mapped[int] = plain(
        sa.ForeignKey("reservation.id", ondelete="CASCADE"), index=True
    )
    person_id: Mapped[str | None] = whose(
        sa.ForeignKey("person.id", ondelete="SET NULL"), index=True
    )
    provider: Mapped[str] = plain(sa.String(20))
    part: Mapped[str] = plain(sa.String(10), server_default=FULL)  # of what is due
    way: Mapped[str] = plain(sa.String(4), default=PAGE, server_default=PAGE)
    state: Mapped[str] = plain(sa.String(12), default=CREATED)
    unknown: Mapped[bool] = plain(default=False)  # a call went out, and no answer came back
    unanswered: Mapped[int] = plain(default=0)  # how often that happened under this row's key
    review: Mapped[str | None] = plain(sa.String(30))  # a word: what doesn't match
    amount_minor: Mapped[int] = plain(sa.BigInteger)
    currency: Mapped[str] = plain(sa.String(3))  # ISO 4217
    captured_minor: Mapped[int] = plain(sa.BigInteger, default=0)
    provider_ref: Mapped[str | None] = plain(sa.String(255))
    redirect_url: Mapped[str | None] = inner(sa.Text)  # only while it can be paid on
    expires_at: Mapped[datetime] = plain()  # of the provider's page
    created_at: Mapped[datetime] = plain()
    changed_at: Mapped[datetime] = plain(index=True)
    paid_at: Mapped[datetime | None] = plain()
    _method_hint: Mapped[bytes | None] = sealed(
        "method_hint",
        Personal(Kind.PAYMENT, (Purpose.RESERVATION,), Retention.BOOKING, "C03"),
    )

    method_hint = opened("_method_hint")  # "Visa ···· 4242": brand and last four, no more

    reservation: Mapped[Reservation] = relationship()
    refunds: Mapped[list["Refund"]] = relationship(
        back_populates="payment", order_by="Refund.created_at, Refund.id"
    )
    disputes: Mapped[list["Dispute"]] = relationship(
        back_populates="payment", order_by="Dispute.opened_at, Dispute.id"
    )


class Refund(Base):
    """Money on its way back. The row is there before the call, and its id is the call's key."""

    __tablename__ = "refund"
    __person__ = "person_id"
    __table_args__ = (
        sa.CheckConstraint(one_of("state", REFUND_STATES), name="known_state"),
        sa.CheckConstraint("amount_minor > 0", name="something_to_refund"),
        sa.CheckConstraint(
            "reason IN ('cancelled', 'late', 'surplus', 'owner', 'external')", name="known_reason"
        ),
        sa.CheckConstraint("external = (reason = 'external')", name="external_says_so"),
        sa.CheckConstraint(
            "(made_good_at IS NULL) = (made_good_by IS NULL)", name="made_good_says_how"
        ),
        # A failed refund never moves on, so what was made good stays so.
        sa.CheckConstraint("made_good_at IS NULL OR state = 'failed'", name="made_good_had_failed"),
        sa.UniqueConstraint("payment_id", "provider_ref"),
        sa.Index(
            "ix_refund_open",
            "state",
            sqlite_where=sa.text("state IN ('requested', 'pending')"),
            postgresql_where=sa.text("state IN ('requested', 'pending')"),
        ),
    )

    id: Mapped[str] = plain(sa.String(36), primary_key=True)  # UUID
    payment_id: Mapped[str] = plain(sa.ForeignKey("payment.id"), index=True)
    # What made it necessary, where that may happen once only: "surplus:<payment id>".
    cause: Mapped[str | None] = plain(sa.String(80), unique=True)
    reason: Mapped[str] = plain(sa.String(12))
    because: Mapped[str | None] = plain(sa.String(20))  # by the house: one of by_hand.REASONS
    external: Mapped[bool] = plain(default=False)  # made at the provider, by hand
    state: Mapped[str] = plain(sa.String(12), default=REQUESTED)
    amount_minor: Mapped[int] = plain(sa.BigInteger)  # of the payment's currency
    # Of it, what was paid beyond the price: that counts for the reservation no longer.
    surplus_minor: Mapped[int] = plain(sa.BigInteger, default=0, server_default="0")
    provider_ref: Mapped[str | None] = plain(sa.String(255))
    failure: Mapped[str | None] = plain(sa.String(60))  # a code of the provider's
    person_id: Mapped[str | None] = whose(
        sa.ForeignKey("person.id", ondelete="SET NULL"), index=True
    )
    _note: Mapped[bytes | None] = sealed(
        "note", Personal(Kind.PAYMENT, (Purpose.RESERVATION,), Retention.BOOKING, "C03")
    )
    # It failed, and the house gave the money back in another way: one of by_hand.WAYS.
    made_good_at: Mapped[datetime | None] = plain()
    made_good_by: Mapped[str | None] = plain(sa.String(10))
    _made_good: Mapped[bytes | None] = sealed(
        "made_good", Personal(Kind.PAYMENT, (Purpose.RESERVATION,), Retention.BOOKING, "C03")
    )
    called_at: Mapped[datetime | None] = plain()  # the first call; its key is good for a day
    created_at: Mapped[datetime] = plain()
    changed_at: Mapped[datetime] = plain(index=True)

    note = opened("_note")  # what whoever of the house sends it back has to say beside it
    made_good = opened("_made_good")  # and what they say of the other way

    payment: Mapped[Payment] = relationship(back_populates="refunds")


class Dispute(Base):
    """A payment that the guest's bank questions. The house answers it at the provider."""

    __tablename__ = "dispute"
    __path_to_person__ = "payment.person_id"
    __table_args__ = (
        sa.CheckConstraint(one_of("state", DISPUTE_STATES), name="known_state"),
        sa.CheckConstraint("amount_minor > 0", name="something_disputed"),
        sa.UniqueConstraint("payment_id", "provider_ref"),
    )

    id: Mapped[int] = plain(primary_key=True)
    payment_id: Mapped[str] = plain(sa.ForeignKey("payment.id"), index=True)
    provider_ref: Mapped[str] = plain(sa.String(255))
    state: Mapped[str] = plain(sa.String(12))
    amount_minor: Mapped[int] = plain(sa.BigInteger)  # of the payment's currency
    withdrawn_minor: Mapped[int] = plain(sa.BigInteger)  # of it, taken back until it is decided
    refundable: Mapped[bool] = plain()  # whether the provider would still refund it
    reason: Mapped[str] = plain(sa.String(60))  # a code of the provider's
    due_at: Mapped[datetime | None] = plain()  # until when an answer counts
    opened_at: Mapped[datetime] = plain()
    changed_at: Mapped[datetime] = plain()

    payment: Mapped[Payment] = relationship(back_populates="disputes")


class SavedMeans(Base):
    """What a guest asked their provider to keep, to pay the balance of one reservation with.

    Two opaque names at the provider, sealed; deleted there and here once the balance is
    paid, the reservation is cancelled, or the guest says so. The row stays until the
    provider has confirmed that.
    """

    __tablename__ = "saved_means"
    __person__ = "person_id"
    __table_args__ = (
        sa.Index(
            "uq_saved_means_reservation_id_good",
            "reservation_id",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    # The deposit with which they were kept.
    payment_id: Mapped[str] = plain(
        sa.ForeignKey("payment.id", ondelete="CASCADE"), primary_key=True
    )
    reservation_id: Mapped[int] = plain(sa.ForeignKey("reservation.id", ondelete="CASCADE"))
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    provider: Mapped[str] = plain(sa.String(20))
    saved_at: Mapped[datetime] = plain()
    noticed_at: Mapped[datetime | None] = plain()  # the guest was told when it will be charged
    tries: Mapped[int] = plain(default=0)  # to charge the balance
    tried_at: Mapped[datetime | None] = plain()
    ended_at: Mapped[datetime | None] = plain()  # not to be used any more: being deleted
    _customer: Mapped[bytes | None] = sealed("customer", _MEANS)
    _method: Mapped[bytes | None] = sealed("method", _MEANS)
    _hint: Mapped[bytes | None] = sealed("hint", _MEANS)

    customer = opened("_customer")
    method = opened("_method")
    hint = opened("_hint")  # "Visa ···· 4242"


class InvoiceNumber(Base):
    """The last number of a series. Taken under its row's lock, so none is left out."""

    __tablename__ = "invoice_number"

    series: Mapped[str] = plain(sa.String(10), primary_key=True)  # the year
    last: Mapped[int] = plain()


class Invoice(Base):
    """An invoice or a credit note, as it was issued. Never changed, never deleted early.

    What it says, name and address included, is sealed as one text, under a key of its own,
    which dies on the day on which the law stops asking for the paper. (Those from before
    papers had keys are under the person's, until the person is erased.)
    """

    __tablename__ = "invoice"
    __person__ = "person_id"
    __sealed_for__ = "sealed_for"
    __table_args__ = (
        sa.CheckConstraint("kind IN ('invoice', 'credit_note')", name="known_kind"),
        sa.CheckConstraint("(kind = 'credit_note') = (corrects IS NOT NULL)", name="corrects"),
        sa.UniqueConstraint("series", "number"),
    )

    id: Mapped[int] = plain(primary_key=True)
    series: Mapped[str] = plain(sa.String(10))
    number: Mapped[int] = plain()
    kind: Mapped[str] = plain(sa.String(12))
    reservation_id: Mapped[int] = plain(sa.ForeignKey("reservation.id"), index=True)
    person_id: Mapped[str | None] = whose(
        sa.ForeignKey("person.id", ondelete="SET NULL"), index=True
    )
    corrects: Mapped[int | None] = plain(sa.ForeignKey("invoice.id"))
    # The key of this one paper, and of nothing else.
    paper_id: Mapped[str | None] = inner(sa.String(32))
    # What made it necessary, once: "reservation:<id>", "refund:<id>".
    cause: Mapped[str] = plain(sa.String(80), unique=True)
    language: Mapped[str] = plain(sa.String(5))
    currency: Mapped[str] = plain(sa.String(3))
    total_minor: Mapped[int] = plain(sa.BigInteger)  # of a credit note: negative
    issued_at: Mapped[datetime] = plain()
    _body: Mapped[bytes | None] = sealed(
        "body",
        Personal(Kind.BILLING_ADDRESS, (Purpose.INVOICE,), Retention.PAPERS, "C03"),
    )

    body = opened("_body")  # JSON: see payments.series

    @property
    def sealed_for(self) -> str | None:
        """Whose key opens it: its own, or the person's where it is older than such keys."""
        return self.paper_id or self.person_id


class LedgerEntry(Base):
    """One movement of money, as it happened at the provider. Never changed, never deleted.

    Double entry in one row: the amount leaves one account and enters another, so the
    books balance whatever is written.
    """

    __tablename__ = "ledger_entry"
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0", name="something_moves"),
        sa.CheckConstraint(
            " OR ".join(
                f"(kind = '{kind}' AND debit = '{debit}' AND credit = '{credit}')"
                for kind, (debit, credit) in POSTINGS.items()
            ),
            name="accounts_fit_kind",
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    # Says which event at the provider this is: a second line for the same one is refused.
    source: Mapped[str] = plain(sa.String(330), unique=True)
    payment_id: Mapped[str] = plain(sa.ForeignKey("payment.id"), index=True)
    kind: Mapped[str] = plain(sa.String(20))
    debit: Mapped[str] = plain(sa.String(10))  # the account that it enters
    credit: Mapped[str] = plain(sa.String(10))  # the account that it leaves
    amount_minor: Mapped[int] = plain(sa.BigInteger)
    currency: Mapped[str] = plain(sa.String(3))
    at: Mapped[datetime] = plain(index=True)


class SeenNotice(Base):
    """A provider's notice that was heard: kept for good, so that it is heard once."""

    __tablename__ = "payment_notice"
    __table_args__ = (
        sa.UniqueConstraint("provider", "event_id"),
        sa.Index(
            "ix_payment_notice_unresolved",
            "at",
            sqlite_where=sa.text("NOT resolved"),
            postgresql_where=sa.text("NOT resolved"),
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    provider: Mapped[str] = plain(sa.String(20))
    event_id: Mapped[str] = plain(sa.String(255))
    refs: Mapped[list[Any]] = plain()
    resolved: Mapped[bool] = plain()  # whether we knew what it spoke of
    at: Mapped[datetime] = plain()


# -- The ledger is append-only, whoever asks ----------------------------------------------

LEDGER_GUARDS: dict[str, tuple[str, ...]] = {
    "sqlite": tuple(
        f"CREATE TRIGGER ledger_entry_no_{verb.lower()} BEFORE {verb} ON ledger_entry "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        """CREATE FUNCTION ledger_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION 'the ledger is append-only'; END$$""",
        """CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE ON ledger_entry
        FOR EACH ROW EXECUTE FUNCTION ledger_entry_is_append_only()""",
    ),
}
"""What the database says to a program that would change the ledger, by dialect."""

for _dialect, _statements in LEDGER_GUARDS.items():
    for _statement in _statements:
        _guard = sa.DDL(_statement).execute_if(dialect=_dialect)  # type: ignore[no-untyped-call]
        event.listen(LedgerEntry.__table__, "after_create", _guard)


class LedgerIsAppendOnly(RuntimeError):
    """A program tried to change what happened."""


@event.listens_for(LedgerEntry, "before_update")
@event.listens_for(LedgerEntry, "before_delete")
def _refuse(_mapper: Any, _connection: Any, _entry: LedgerEntry) -> Never:
    raise LedgerIsAppendOnly
