"""What goes of persons, bookings and papers when their time has come (C12).

Each sweep here keeps a rule of `privacy.retention`. Past years' reservations end in two
steps: once nobody can have a claim the person goes, and the books keep amounts and papers;
once nobody asks for the papers either, only what statistics need is left.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from dateutil.relativedelta import relativedelta
from sqlalchemy.orm import aliased

from app.accounts import readings
from app.accounts.models import HOUSE, OWNER, Account, Person, Restriction
from app.booking.holds import new_reference
from app.booking.models import Reservation
from app.consent.models import PersonPermission
from app.core.database import Base, db, table
from app.core.datamap import Kind, Personal, Retention, declaration
from app.core.erasures import TERM
from app.core.languages import N_
from app.core.sweeps import DAY, Sweep, delete_rows, register
from app.core.vault import vault
from app.payments.models import Dispute, Invoice, Payment, Refund, SeenNotice
from app.privacy import archiving, terms
from app.privacy.ending import end, is_ending
from app.privacy.models import (
    DataKey,
    Erasure,
    PrivacyRequest,
)
from app.privacy.retention import RIGHTS_YEARS

HOUSE_KEPT = readings.KEPT
"""So long after the access to it ended an account of the house goes: as looks are noted."""
GRACE = relativedelta(days=1)
"""A person who was just made isn't nobody's: the row that refers to them is on its way."""

_person, _reservation, _payment = table(Person), table(Reservation), table(Payment)
_WITHOUT_SYNC = {"synchronize_session": False}


# -- Persons --------------------------------------------------------------------------------

_HOLDING = (Account, Reservation, Payment, Refund, PrivacyRequest)


def is_held(person_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Say that something is kept which can't be without its person."""
    invoice = table(Invoice)
    return sa.or_(
        *(sa.exists().where(table(one).c.person_id == person_id) for one in _HOLDING),
        sa.exists().where(invoice.c.person_id == person_id, invoice.c.body.is_not(None)),
        is_ending(person_id),
    )


def forget_persons(person_ids: Collection[str]) -> None:
    """Delete those of these persons whom nothing holds any more, keys first.

    The caller commits.
    """
    free = db.session.scalars(
        sa.select(_person.c.id).where(_person.c.id.in_(person_ids), ~is_held(_person.c.id))
    ).all()
    if free:
        vault().destroy(free)
        db.session.execute(
            sa.delete(Person).where(Person.id.in_(free)), execution_options=_WITHOUT_SYNC
        )


def _nobodys(now: datetime) -> sa.Select[Any]:
    return sa.select(_person.c.id).where(
        _person.c.created_at <= now - GRACE, ~is_held(_person.c.id)
    )


register(
    Sweep(
        name="persons",
        retention=Retention.PERSON,
        words=N_("persons of whom nothing else is kept"),
        every=DAY,
        of=Person,
        due=_nobodys,
        remove=lambda ids, now: forget_persons(ids),
        # First: others take along whom they set free; this finds who was left over before.
        rank=-1,
    )
)


def _with_persons(
    name: str,
    model: type[Base],
    when: Callable[[datetime], sa.ColumnElement[bool]],
    *,
    retention: Retention,
    words: str,
    every: str,
) -> None:
    """Register a sweep that deletes rows, and their persons where nothing holds them then."""
    key, person_id = table(model).c.id, table(model).c.person_id

    def remove(keys: Sequence[Any], now: datetime) -> None:
        gone = db.session.scalars(
            sa.delete(model).where(key.in_(keys), when(now)).returning(person_id),
            execution_options=_WITHOUT_SYNC,
        ).all()
        forget_persons({one for one in gone if one is not None})

    register(
        Sweep(
            name,
            retention,
            words,
            every,
            model,
            lambda now: sa.select(key).where(when(now)),
            remove,
        )
    )


# -- Who ran the house, or helped to --------------------------------------------------------


def _access_is_over(now: datetime) -> sa.ColumnElement[bool]:
    """Say of an account of the house that its access ended as long ago as it is kept.

    Until then guests read what was looked at under it. The last of the owners' stays: a command
    on the machine may let them in again.
    """
    other = aliased(Account)
    owned = sa.exists().where(
        other.role == OWNER, other.suspended_at.is_(None), other.verified_at.is_not(None)
    )
    return sa.and_(
        Account.role.in_(HOUSE),
        Account.suspended_at <= now - HOUSE_KEPT,
        sa.or_(Account.role != OWNER, owned),
        ~is_ending(table(Account).c.person_id),
    )


def _forget_members(ids: Sequence[int], now: datetime) -> None:
    # Who is a guest too keeps what they booked, under its own terms, and may open an account.
    gone = db.session.scalars(
        sa.delete(Account)
        .where(Account.id.in_(ids), _access_is_over(now))
        .returning(Account.person_id),
        execution_options=_WITHOUT_SYNC,
    ).all()
    for person_id in gone:
        vault().unindex(person_id, Kind.ACCOUNT_EMAIL)
        vault().unindex(person_id, Kind.USERNAME)
    forget_persons(gone)


register(
    Sweep(
        name="house-accounts",
        retention=Retention.ACCOUNT,
        words=N_("accounts of the house whose access ended long ago"),
        every=DAY,
        of=Account,
        due=lambda now: sa.select(Account.id).where(_access_is_over(now)),
        remove=_forget_members,
    )
)


# -- What somebody asked for about themselves -------------------------------------------------


delete_rows(
    "data-keys",
    DataKey,
    lambda now: DataKey.expires_at <= now,
    retention=Retention.SECURITY,
    words=N_("guests’ keys to their own data, once they open nothing"),
)
_with_persons(
    "requests",
    PrivacyRequest,
    lambda now: PrivacyRequest.answered_at <= now - relativedelta(years=RIGHTS_YEARS),
    retention=Retention.RIGHTS,
    words=N_("answered requests about somebody’s own data"),
    every=DAY,
)
delete_rows(
    "erasures",
    Erasure,
    lambda now: Erasure.done_at <= now - relativedelta(years=RIGHTS_YEARS),
    retention=Retention.RIGHTS,
    words=N_("certificates of erasures; the ledger keeps that there was one"),
    every=DAY,
)
delete_rows(
    "restrictions",
    Restriction,
    lambda now: Restriction.ended_at <= now - relativedelta(years=RIGHTS_YEARS),
    retention=Retention.RIGHTS,
    words=N_("what somebody once said no to, and then took back"),
    every=DAY,
)
delete_rows(
    "permissions",
    PersonPermission,
    lambda now: PersonPermission.ended_at <= now - relativedelta(years=RIGHTS_YEARS),
    retention=Retention.RIGHTS,
    words=N_("what somebody once allowed us, and then took back"),
    every=DAY,
)


# -- Bookings -------------------------------------------------------------------------------


def _forget_unpaid(ids: Sequence[int], now: datetime) -> None:
    # Again: money may have come in between. Lines and attempts to pay go by foreign keys.
    gone = db.session.scalars(
        sa.delete(Reservation)
        .where(Reservation.id.in_(ids), terms.was_never_paid(now))
        .returning(_reservation.c.person_id),
        execution_options=_WITHOUT_SYNC,
    ).all()
    forget_persons({one for one in gone if one is not None})


register(
    Sweep(
        name="unpaid",
        retention=Retention.UNPAID,
        words=N_("reservations that were held and never paid, with whoever held them"),
        every=DAY,
        of=Reservation,
        due=lambda now: sa.select(_reservation.c.id).where(terms.was_never_paid(now)),
        remove=_forget_unpaid,
    )
)


def _claims_are_over(now: datetime) -> sa.Select[Any]:
    over = terms.persons_whose_claims_are_over(now, terms.place())
    return over.where(~is_ending(_reservation.c.person_id))


def _end_bookings(person_ids: Sequence[str], now: datetime) -> None:
    """Take the persons off bookings that are long over; who has an account stays in it.

    An account keeps its own person. The persons of its bookings, whom it has claimed, go.
    """
    owners = db.session.scalars(
        sa.select(Account.person_id).where(Account.person_id.in_(person_ids))
    ).all()
    if owners:
        archiving.forget_words(owners)
        archiving.detach(owners, now=now)
        db.session.commit()
    for person_id in sorted(set(person_ids) - set(owners)):
        language = db.session.scalar(
            sa.select(Reservation.language).where(Reservation.person_id == person_id).limit(1)
        )
        end([person_id], TERM, language=language or "en", now=now)


register(
    Sweep(
        name="bookings",
        retention=Retention.BOOKING,
        words=N_("persons of reservations from which nobody can have a claim any more"),
        every=DAY,
        of=Person,
        due=_claims_are_over,
        remove=_end_bookings,
        batch=50,
        rank=1,  # a person takes along whatever is theirs, counted or not
    )
)


# -- Papers ---------------------------------------------------------------------------------


def _papers_are_over(now: datetime) -> sa.Select[Any]:
    paper = table(Invoice)
    says = sa.or_(
        paper.c.body.is_not(None), paper.c.paper_id.is_not(None), paper.c.person_id.is_not(None)
    )
    return sa.select(paper.c.id).where(terms.paper_is_over(now, terms.place()), says)


def _empty_papers(ids: Sequence[int], now: datetime) -> None:
    papers = db.session.scalars(sa.select(Invoice.paper_id).where(Invoice.id.in_(ids)))
    if keys := [one for one in papers if one is not None]:
        vault().destroy(keys)
    values: dict[Any, Any] = {"body": None, "paper_id": None, "person_id": None}
    paper = table(Invoice)
    db.session.execute(sa.update(paper).where(paper.c.id.in_(ids)).values(values))


register(
    Sweep(
        name="papers",
        retention=Retention.PAPERS,
        words=N_("what invoices and credit notes say; their number, day and sum stay"),
        every=DAY,
        of=Invoice,
        due=_papers_are_over,
        remove=_empty_papers,
    )
)


def _books_are_over(now: datetime) -> sa.Select[Any]:
    return sa.select(_reservation.c.id).where(
        _reservation.c.archived_at.is_not(None),
        _reservation.c.quote_digest != terms.SHRUNK,
        terms.books_are_over(now, terms.place()),
    )


def _sealed(model: type[Base]) -> dict[str, None]:
    """Return the sealed columns of a model, to be emptied: a new one is emptied, too."""
    return {
        column.name: None
        for column in table(model).columns
        if isinstance(declared := declaration(column), Personal) and not declared.readable
    }


def _shrink(ids: Sequence[int], now: datetime) -> None:
    """Leave of reservations what statistics need: what was taken, when, and for how much.

    No name by which the house, the guest or the provider knew it is left; the ledger, to
    which nothing is ever done, keeps the amounts, and the provider's random numbers of them.
    """
    for reservation_id in ids:
        db.session.execute(
            sa.update(_reservation)
            .where(_reservation.c.id == reservation_id)
            .values(
                reference=new_reference(),
                quote_digest=terms.SHRUNK,
                language="",
                link_serial=_reservation.c.link_serial + 1,
                belongs_to_id=None,
                **_sealed(Reservation),
            )
        )
    payments = sa.select(_payment.c.id).where(_payment.c.reservation_id.in_(ids))
    refund, dispute = table(Refund), table(Dispute)
    for statement in (
        sa.update(refund)
        .where(refund.c.payment_id.in_(payments))
        .values(provider_ref=None, failure=None, person_id=None, **_sealed(Refund)),
        # A dispute has no other name than the provider's, and must have one.
        sa.update(dispute)
        .where(dispute.c.payment_id.in_(payments))
        .values(provider_ref=sa.cast(dispute.c.id, sa.String)),
        sa.update(_payment)
        .where(_payment.c.reservation_id.in_(ids))
        .values(provider_ref=None, redirect_url=None, person_id=None, **_sealed(Payment)),
    ):
        db.session.execute(statement)


register(
    Sweep(
        name="archive",
        retention=Retention.PAPERS,
        words=N_("all of a past reservation but what statistics need"),
        every=DAY,
        of=Reservation,
        due=_books_are_over,
        remove=_shrink,
    )
)
delete_rows(
    "notices",
    SeenNotice,
    lambda now: SeenNotice.at < terms.books_begin(now, terms.place()),
    retention=Retention.PAPERS,
    words=N_("notices of payment providers that were heard"),
    every=DAY,
)
