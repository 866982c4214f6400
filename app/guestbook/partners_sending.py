"""The one way in which something of a guest goes to a partner: with their yes in hand (C21).

A `Handover` has what may go, and nothing else; only `permit` makes one, out of a yes that
counts (`consent.permissions_live`). Without it `permit` raises NotPermitted, and writes
that it did into the audit trail. Right before a mail leaves, the yes is looked at again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import current_app, render_template
from sqlalchemy.orm import selectinload

from app.accounts import disclosures
from app.accounts.mailing import post
from app.accounts.models import Account, Claim
from app.booking import wording
from app.booking.models import BOOKING, CONFIRMED, Reservation, ReservationLine
from app.booking.shop import NothingOnOffer, shop
from app.consent.models import PersonPermission
from app.consent.permissions import same_person, whose_yes_counts
from app.consent.permissions_live import LivePermission, NotPermitted, demand
from app.core import audit
from app.core.database import db, in_one_go
from app.core.datamap import Purpose
from app.core.egress import MAIL_RELAY, Egress
from app.core.languages import gettext, use_language
from app.core.mail import make_message
from app.core.outbox import enqueue, handles
from app.core.vault import PersonUnknown
from app.core.worker import every_minute
from app.guestbook.partners import KINDS, code_of, live_terms
from app.guestbook.partners_models import MAIL, PAPER, PartnerTerms, PartnerTransfer
from app.guestbook.reminders import remind_at
from app.web.pages import settings

TOPIC = "partner-mail"
_MOST = 200  # in one minute for each partner; the next one takes the others


class Given(NamedTuple):
    """One thing that a partner is given: its kind, what it is called, and what it is."""

    kind: str
    label: str
    text: str


class Handover:
    """What may go to a partner of one reservation, under the yes that it was made from."""

    __slots__ = ("given", "reservation", "terms", "yes")

    def __init__(self, yes: LivePermission, terms: PartnerTerms, reservation: Reservation) -> None:
        if yes.purpose is not Purpose.PARTNER or yes.recipient != code_of(terms):
            raise NotPermitted  # a yes to something else
        if not yes.is_of(reservation.person_id):
            raise NotPermitted  # somebody else's
        self.yes = yes
        self.terms = terms
        self.reservation = reservation
        self.given = given_of(terms, reservation)

    @property
    def kinds(self) -> list[str]:
        """The kinds of what goes: of those permitted, what there is."""
        return [one.kind for one in self.given]


def permit(terms: PartnerTerms, reservation: Reservation, *, now: datetime) -> Handover:
    """Return what may go to a partner now.

    Raises NotPermitted where there is no yes to these very terms that counts, after a
    rollback; that it was tried is in the audit trail then, and committed. Raises
    PersonUnknown for somebody who was erased.
    """
    partner_id = terms.partner_id
    try:
        return _handover(terms, reservation)
    except NotPermitted:
        db.session.rollback()
        in_one_go(partial(_note_refusal, partner_id, now=now))
        raise


def _handover(terms: PartnerTerms, reservation: Reservation) -> Handover:
    if terms.ended_at is not None or reservation.person_id is None:
        raise NotPermitted
    yes = demand(
        whose_yes_counts(reservation.person_id),
        Purpose.PARTNER,
        recipient=code_of(terms),
        whose=same_person(reservation.person_id),
    )
    return Handover(yes, terms, reservation)


def _note_refusal(partner_id: int, *, now: datetime) -> None:
    # Whose reservation it was isn't said: the trail has nothing of a person.
    audit.enter(0, "command", "transfer.refused", "partner", partner_id, now=now)


# -- What goes --------------------------------------------------------------------------------


def given_of(terms: PartnerTerms, reservation: Reservation) -> list[Given]:
    """Return what a partner gets of a reservation under these terms; what there isn't, it isn't.

    Raises PersonUnknown for somebody who was erased.
    """
    person = reservation.person
    zone, apart = shop().venue.zone, gettext("; ")
    lines = [line for line in reservation.lines if line.takes_places]
    found: dict[str, Callable[[], Any]] = {
        "name": lambda: person and person.name,
        "email": lambda: person and person.email,
        "phone": lambda: person and person.phone,
        "dates": lambda: apart.join(_when(line, zone) for line in lines),
        "guests": lambda: apart.join(wording.party(line.adults, line.children) for line in lines),
    }
    labels = {
        "name": gettext("Name"),
        "email": gettext("E-mail"),
        "phone": gettext("Telephone"),
        "dates": gettext("Days of the stay"),
        "guests": gettext("Guests"),
    }
    # A value that isn't permitted isn't even opened.
    texts = [(kind, found[kind]()) for kind in KINDS if kind in terms.kinds]
    return [Given(kind, labels[kind], str(text)) for kind, text in texts if text]


def _when(line: ReservationLine, zone: Any) -> str:
    if line.starts_at is not None:
        return wording.day_and_time(line.starts_at, zone)
    assert line.arrive is not None
    assert line.depart is not None
    return wording.dates(line.arrive, line.depart)


def _note(handover: Handover, *, now: datetime) -> None:
    """Note for the person that a partner is given each of these. The caller commits."""
    for kind in handover.kinds:
        disclosures.note(
            handover.reservation.person_id, code_of(handover.terms), f"partner_{kind}", now=now
        )


# -- By mail ----------------------------------------------------------------------------------


@every_minute
def pass_on(now: datetime) -> None:
    """Have written to partners what is due of those who allow it. Commits."""
    try:
        shop()
    except NothingOnOffer:
        return
    for terms in live_terms():
        if terms.way == MAIL:
            for reservation in due(terms, now=now):
                _line_up(terms, reservation, now=now)
            db.session.commit()


def due(terms: PartnerTerms, *, now: datetime) -> Sequence[Reservation]:
    """Return the reservations that begin soon, whose guests allow it, and that wait to go."""
    zone = shop().venue.zone
    last = now.astimezone(zone).date() + timedelta(days=terms.days_before + 1)
    gone = sa.exists().where(
        PartnerTransfer.reservation_id == Reservation.id, PartnerTransfer.terms_id == terms.id
    )
    query = (
        _allowed(terms)
        .where(
            Reservation.first_start > now,
            Reservation.first_start < datetime.combine(last, time.min, zone),
            ~gone,
        )
        .limit(_MOST)
    )
    return [
        one
        for one in db.session.scalars(query)
        if remind_at(one.first_start, terms.days_before, zone) <= now
    ]


def arriving(terms: PartnerTerms, first: datetime, last: datetime) -> Sequence[Reservation]:
    """Return the reservations that begin from `first` and before `last` and allow it."""
    query = _allowed(terms).where(Reservation.first_start >= first, Reservation.first_start < last)
    return db.session.scalars(query.limit(_MOST)).all()


def _allowed(terms: PartnerTerms) -> sa.Select[Any]:
    """Return firm reservations for which these terms are allowed: each by itself, or by account."""
    yes = sa.select(PersonPermission.person_id).where(
        PersonPermission.purpose == Purpose.PARTNER.value,
        PersonPermission.recipient == code_of(terms),
        PersonPermission.ended_at.is_(None),
    )
    of_account = (
        sa.select(Claim.person_id)
        .join(Account, Account.id == Claim.account_id)
        .where(Account.person_id.in_(yes))
    )
    return (
        sa.select(Reservation)
        .where(
            Reservation.person_id.in_(sa.union(yes, of_account)),
            Reservation.status == CONFIRMED,
            Reservation.kind == BOOKING,
            Reservation.archived_at.is_(None),
        )
        .options(selectinload(Reservation.lines), selectinload(Reservation.person))
        .order_by(Reservation.first_start, Reservation.id)
    )


def _line_up(terms: PartnerTerms, reservation: Reservation, *, now: datetime) -> None:
    waiting = PartnerTransfer(
        terms_id=terms.id,
        reservation_id=reservation.id,
        person_id=reservation.person_id,
        recipient=code_of(terms),
        kinds=[],
        way=MAIL,
    )
    db.session.add(waiting)
    db.session.flush()
    enqueue(TOPIC, {"partner_transfer_id": waiting.id}, now=now)


@handles(TOPIC)
def send_to_partner(payload: dict[str, Any], now: datetime) -> None:
    """Write to a partner what one guest allows it, if they do at this very moment."""
    transfer_id = int(payload["partner_transfer_id"])
    transfer = db.session.get(PartnerTransfer, transfer_id)
    if transfer is None:
        return  # taken back, or changed, since
    if transfer.reservation.status != CONFIRMED or transfer.reservation.first_start <= now:
        db.session.delete(transfer)
        return
    try:
        _send(transfer, job=payload["job"], now=now)
    except (NotPermitted, PersonUnknown):
        db.session.rollback()
        in_one_go(partial(_forget, transfer_id))


def _forget(transfer_id: int) -> None:
    db.session.execute(
        sa.delete(PartnerTransfer).where(
            PartnerTransfer.id == transfer_id, PartnerTransfer.sent_at.is_(None)
        )
    )


def _send(transfer: PartnerTransfer, *, job: int, now: datetime) -> None:
    terms, reservation = transfer.terms, transfer.reservation
    with use_language(terms.language):
        handover = permit(terms, reservation, now=now)
        if not handover.given:
            db.session.delete(transfer)
            return
        message = compose(handover, job=job, now=now)
    transfer.kinds, transfer.sent_at = handover.kinds, now
    egress: Egress = current_app.extensions["egress"]
    if MAIL_RELAY.code in egress.recipients():
        _note(handover, now=now)  # without a relay nothing leaves this machine
    transfer_id, partner_id = transfer.id, terms.partner_id
    try:
        post(
            message,
            person_id=reservation.person_id,
            what=disclosures.MAIL_TO_PARTNER,
            name=f"{reservation.reference}-partner-{job}",
            now=now,
            last_look=handover.yes.refuse_if_over,
        )
    except NotPermitted:
        db.session.rollback()
        in_one_go(partial(_unsent, transfer_id, partner_id, now=now))


def _unsent(transfer_id: int, partner_id: int, *, now: datetime) -> None:
    """Take back that something went: at the very last moment it didn't."""
    db.session.execute(sa.delete(PartnerTransfer).where(PartnerTransfer.id == transfer_id))
    _note_refusal(partner_id, now=now)


def compose(handover: Handover, *, job: int, now: datetime) -> EmailMessage:
    """Return the mail to a partner: what is permitted, and nothing else of the guest."""
    site_url, terms = settings().site_url, handover.terms
    venue = shop().venue
    with use_language(terms.language), current_app.test_request_context(base_url=site_url):
        text = render_template(
            "mail/partner.txt",
            given=handover.given,
            venue=venue,
            partner=terms.name,
            days=terms.keeps_days,
        )
    return make_message(
        text,
        sender=(venue.name, venue.email),
        to=(terms.name, terms.email),
        # No reference in it: that isn't among what a partner gets.
        message_id=f"<partner.{job}@{urlsplit(site_url).hostname}>",
        language=terms.language,
        now=now,
    )


# -- On paper ---------------------------------------------------------------------------------


def hand_over(terms: PartnerTerms, reservation: Reservation, *, now: datetime) -> list[Given]:
    """Return what is printed of one reservation for a partner, noted for whose it is.

    The caller commits before it shows anything. Raises NotPermitted (a rollback) and
    PersonUnknown.
    """
    handover = permit(terms, reservation, now=now)
    _note(handover, now=now)
    transfer = db.session.scalar(
        sa.select(PartnerTransfer).where(
            PartnerTransfer.reservation_id == reservation.id,
            PartnerTransfer.terms_id == terms.id,
        )
    )
    if transfer is None:
        transfer = PartnerTransfer(
            terms_id=terms.id,
            reservation_id=reservation.id,
            person_id=reservation.person_id,
            recipient=code_of(terms),
            way=PAPER,
        )
        db.session.add(transfer)
    transfer.kinds, transfer.sent_at = handover.kinds, now
    db.session.flush()
    return handover.given
