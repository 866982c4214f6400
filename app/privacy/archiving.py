"""Papers without a person: what the books keep of somebody who is gone.

The law on trade and taxes asks for amounts, dates, numbers, and for issued invoices whole.
A reservation that was firm, its lines, and the money that moved stay, and nobody's name is
on them any more. An invoice still says whom it was made out to, so it is sealed anew, under
a key of its own: that key dies on the day on which nobody asks for the paper any more.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from app.booking.models import (
    BOOKING,
    CANCELLED,
    CONFIRMED,
    HELD,
    Reservation,
    ReservationLine,
)
from app.core.database import changed, db
from app.core.datamap import Personal, PersonLink, declaration
from app.core.vault import PersonUnknown, vault
from app.guestbook.models import Message, StayWish, Survey
from app.guestbook.partners_models import PartnerTransfer
from app.guestbook.reviews_models import PublicReview, Review
from app.payments.models import Dispute, Invoice, LedgerEntry, Payment, Refund
from app.privacy.models import PrivacyRequest
from app.privacy.terms import books_end, paper_ends, place

INVOICE = "invoice"
ANONYMISED_TABLES = (
    "reservation",
    "reservation_line",
    "payment",
    "refund",
    "dispute",
    "privacy_request",
    "survey",
)
"""Rows that stay without their person. Of a request, that somebody asked, and was answered;
of a survey, its numbers, in which nobody can be found."""
NO_PAPERS = frozenset({"privacy_request", "survey"})
"""Those among them that no law on trade and taxes asks for."""
LEFT_BY_ACCOUNTING = frozenset({INVOICE, *ANONYMISED_TABLES})
"""The tables whose rows may stay; those of every other table go, whatever it is called."""

STAYS = frozenset(
    {
        "reservation.language",
        "reservation.first_start",
        *(
            f"reservation_line.{name}"
            for name in ("arrive", "depart", "starts_at", "ends_at", "adults", "children")
        ),
    }
)
"""What is declared personal, stands in a paper of the books, and tells of nobody by itself.

Every other personal value of such a row is emptied, one that is added tomorrow too.
"""


@dataclass(frozen=True, slots=True)
class Papers:
    """What accounting keeps of some persons: how many rows, by which law, until when."""

    reservations: tuple[int, ...]
    counts: dict[str, int]
    until: dict[str, date]
    ground: str


def day_here(instant: datetime) -> date:
    """Return the day of an instant by the calendar of the place."""
    return place().day(instant)


# -- What there is ------------------------------------------------------------------------


def to_be_kept(person_ids: Collection[str]) -> list[int]:
    """Return the reservations that books refer to: firm ones, and those for which money moved."""
    money = sa.or_(
        sa.exists().where(
            Payment.reservation_id == Reservation.id, LedgerEntry.payment_id == Payment.id
        ),
        sa.exists().where(
            Payment.reservation_id == Reservation.id, Refund.payment_id == Payment.id
        ),
        sa.exists().where(Invoice.reservation_id == Reservation.id),
    )
    # A sum that was asked for, and withdrawn before anybody paid, is no paper.
    firm = sa.and_(
        Reservation.status.in_((CONFIRMED, CANCELLED)),
        sa.or_(Reservation.kind == BOOKING, Reservation.status == CONFIRMED),
    )
    query = sa.select(Reservation.id).where(
        Reservation.person_id.in_(person_ids),
        sa.or_(firm, money),
    )
    return list(db.session.scalars(query.order_by(Reservation.id)))


def papers_of(person_ids: Collection[str], *, now: datetime) -> Papers:
    """Count what accounting keeps of these persons."""
    where = place()
    kept = to_be_kept(person_ids)
    payments = sa.select(Payment.id).where(Payment.reservation_id.in_(kept))
    counts = {
        "reservation": len(kept),
        "reservation_line": _count(ReservationLine, ReservationLine.reservation_id.in_(kept)),
        "payment": _count(Payment, Payment.reservation_id.in_(kept)),
        "refund": _count(Refund, Refund.payment_id.in_(payments)),
        "dispute": _count(Dispute, Dispute.payment_id.in_(payments)),
        "privacy_request": _count(PrivacyRequest, PrivacyRequest.person_id.in_(person_ids)),
        "survey": _count(Survey, Survey.person_id.in_(person_ids)),
    }
    day = books_end(kept, where)
    until = {name: day for name, count in counts.items() if count} if day is not None else {}
    papers = [paper for paper in invoices_of(person_ids) if in_term(paper, now=now)]
    counts[INVOICE] = len(papers)
    if papers:
        until[INVOICE] = max(paper_ends(paper, where) for paper in papers)
    return Papers(tuple(kept), counts, until, where.law.papers_ground)


def _count(model: type, *where: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(model).where(*where)
    return int(db.session.scalar(query) or 0)


def invoices_of(person_ids: Collection[str]) -> Sequence[Invoice]:
    """Return the papers that were made out to these persons."""
    query = sa.select(Invoice).where(Invoice.person_id.in_(person_ids)).order_by(Invoice.id)
    return db.session.scalars(query.execution_options(populate_existing=True)).all()


def in_term(paper: Invoice, *, now: datetime) -> bool:
    """Whether the law still asks for an invoice whole."""
    where = place()
    return paper_ends(paper, where) > where.day(now)


# -- Taking the person off ----------------------------------------------------------------


def detach(person_ids: Collection[str], *, now: datetime) -> None:
    """Take persons off the books' papers, before their keys are destroyed. Flushes.

    Invoices within their term are sealed anew. One that can't be opened any more, in a book
    that was restored from before, keeps its number, day and sum. Reservations that no book
    refers to stay as they are: they go with the person. Running it again changes nothing.
    """
    for paper in invoices_of(person_ids):
        _reseal(paper, now=now)
    kept = to_be_kept(person_ids)
    _empty_money(kept)
    _change(
        sa.update(Reservation)
        .where(Reservation.id.in_(kept))
        .values(
            **emptied(Reservation),
            archived_at=now,
            # How the house wrote to them, and what it thought of them, is no paper.
            reminded_at=None,
            unreminded=False,
            risk_decision=None,
            risk_decided_at=None,
            link_serial=Reservation.link_serial + 1,  # the guest's link opens nothing
        )
    )
    db.session.flush()
    db.session.expire_all()


def forget_words(person_ids: Collection[str]) -> None:
    """Delete what was written with these persons' bookings, beside the books. Flushes."""
    for model in (Message, StayWish, PublicReview, Review, PartnerTransfer):
        _change(sa.delete(model).where(model.person_id.in_(person_ids)))
    empty_surveys(person_ids)


def empty_surveys(person_ids: Collection[str]) -> None:
    """Take these persons off their surveys, and what they wrote; the numbers stay. Flushes."""
    _change(
        sa.update(Survey)
        .where(Survey.person_id.in_(person_ids))
        .values(**emptied(Survey), key_digest=None)
    )
    db.session.flush()
    db.session.expire_all()


def _reseal(paper: Invoice, *, now: datetime) -> None:
    """Take the person off a paper; one that is sealed under their key gets a key of its own."""
    if not in_term(paper, now=now):
        if paper.paper_id is not None:
            vault().destroy([paper.paper_id])
        paper.body = paper.paper_id = None
    elif paper.paper_id is None:
        try:
            body = paper.body
        except PersonUnknown:
            body = None
        paper.paper_id = vault().new_person() if body else None
        paper.body = body
    paper.person_id = None


def emptied(model: type[Any]) -> dict[str, None]:
    """Return the values that take a person off a row of a kept table: by the data map."""
    mapper = sa.inspect(model)
    return {
        mapper.get_property_by_column(column).key: None
        for column in model.__table__.columns
        if isinstance(declared := declaration(column), PersonLink)
        or (isinstance(declared, Personal) and f"{column.table.name}.{column.name}" not in STAYS)
    }


def _empty_money(reservation_ids: Collection[int]) -> None:
    """Empty what the rows of money say of a person; sums, days and numbers stay."""
    payments = sa.select(Payment.id).where(Payment.reservation_id.in_(reservation_ids))
    for model, mine in (
        (Dispute, Dispute.payment_id.in_(payments)),
        (Refund, Refund.payment_id.in_(payments)),
        (Payment, Payment.reservation_id.in_(reservation_ids)),
        (ReservationLine, ReservationLine.reservation_id.in_(reservation_ids)),
    ):
        values: dict[str, Any] = dict(emptied(model))
        if model is Payment:
            values["redirect_url"] = None
        if values:
            _change(sa.update(model).where(mine).values(**values))


def _change(statement: sa.Update | sa.Delete) -> int:
    # What is loaded is expired afterwards, whole.
    return changed(db.session.execute(statement, execution_options={"synchronize_session": False}))


def forget_the_rest(person_ids: Collection[str]) -> int:
    """Delete what never became firm, once `detach` has taken off the rest; return how many.

    Lines and attempts to pay go with it by their foreign keys.
    """
    return _change(
        sa.delete(Reservation).where(
            Reservation.person_id.in_(person_ids), Reservation.status != HELD
        )
    )
