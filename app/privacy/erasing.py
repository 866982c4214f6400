"""Erasure: a plan, a day, and then everything goes, stage by stage (C12, C26).

What is open postpones it to a day on which it runs by itself. Once it runs, each stage is
committed before the next begins, and can be begun again: a crash anywhere, and the worker
goes on. The ledger knows of it before anything is destroyed; a last mail is sent while
there is an address; then each store is emptied and says so (`privacy.stores`); who asked
stays signed in until all have; the certificate comes last.
"""

import logging
from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.accounts import tickets
from app.accounts.claims import persons_of
from app.accounts.models import GUEST, Person
from app.accounts.sessions import end_all
from app.booking.holds import release
from app.booking.signals import address_changed
from app.consent import permissions
from app.core import erasures as ledger
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.outbox import enqueue, handles
from app.core.purposes import TOPIC, unit
from app.core.stages import next_stage
from app.core.tokens import digest_of_token
from app.core.worker import every_minute
from app.guestbook.reviews import withdraw_all
from app.payments.models import Payment
from app.payments.provider import ProviderError
from app.payments.reconcile import close_attempt
from app.payments.states import CREATED, PENDING
from app.privacy import erase_mails, requests, stores
from app.privacy.archiving import day_here
from app.privacy.certificate import certify
from app.privacy.erasure_links import token_of
from app.privacy.erasure_people import OnlyOwner, accounts_of, left_out, live_of, refuse_only_owner
from app.privacy.models import (
    DONE,
    ERASE,
    POSTPONED,
    RUNNING,
    WITHDRAWN,
    Erasure,
    PrivacyRequest,
)
from app.privacy.planning import plan
from app.privacy.subjects import Subject

log = logging.getLogger(__name__)

JOB = "privacy.erase"
_MAIL_TRIES = timedelta(days=1)  # a relay that is down for longer keeps nobody's data here
_LATER = timedelta(days=30)


class NotPostponed(DomainError):
    """It runs already, or is done, or was withdrawn."""

    message = N_("This isn’t waiting for its day any more, so it can’t be withdrawn.")


# -- Asking -------------------------------------------------------------------------------


def ask(subject: Subject, *, now: datetime) -> Erasure:
    """Have a subject erased: at once, or on the first day on which nothing of theirs is open.

    Asked twice it is asked once; who has come to be theirs since goes along. What is only
    held for them is let go. The caller commits. Raises OnlyOwner.
    """
    known = live_of(subject.person_ids)
    left = left_out(known, subject.person_ids)
    if known is not None and not left:
        return known
    for reservation_id in stores.held_of(subject.person_ids, now=now):
        release(reservation_id, now=now, only_run_out=False)
    # Whatever of them everybody can read goes with the wish, and doesn't wait for its day.
    withdraw_all(subject.person_ids, how=permissions.ERASED, now=now)
    if known is not None and known.state == POSTPONED:
        _go_along(known, left, now=now)
        return known
    request = requests.record(left[0], ERASE, now=now, by_itself=True)
    # It is answered when it is done; until then its clock runs, for the house to see.
    request.answered_at = request.granted = None
    day = plan(left, now=now).runs_on
    erasure = _make(left, ledger.ASKED, subject.language, now=now)
    if day is None:
        _start(erasure, now=now)
        return erasure
    refuse_only_owner(left)
    erasure.state, erasure.runs_on = POSTPONED, day
    db.session.flush()
    erase_mails.tell(erasure, erase_mails.POSTPONED, now=now)
    return erasure


def begin(person_ids: Collection[str], cause: str, *, now: datetime, language: str) -> Erasure:
    """Begin an erasure; the worker carries it out. The caller commits.

    `cause` is one of `core.erasures.CAUSES`. Nobody stays signed in. Whoever is being
    erased already, or waits for their day, isn't erased twice: if all of them are, or the
    others can wait with them, that erasure is returned. Raises OnlyOwner.
    """
    known = live_of(person_ids)
    left = left_out(known, person_ids)
    if known is not None and not left:
        return known
    if known is not None and known.state == POSTPONED:
        _go_along(known, left, now=now)
        return known
    erasure = _make(left, cause, language, now=now)
    _start(erasure, now=now)
    _sign_out(erasure)
    return erasure


def withdraw(erasure: Erasure, *, now: datetime) -> None:
    """Take a postponed erasure back. The caller commits. Raises NotPostponed."""
    db.session.refresh(erasure, with_for_update=True)
    if erasure.state != POSTPONED:
        raise NotPostponed
    erasure.state, erasure.done_at = WITHDRAWN, now
    for request in db.session.scalars(
        sa.select(PrivacyRequest).where(
            PrivacyRequest.person_id.in_(erasure.person_ids),
            PrivacyRequest.kind == ERASE,
            PrivacyRequest.answered_at.is_(None),
        )
    ):
        requests.answered(request, now=now, by_itself=True)
    erasure.person_ids = []
    db.session.flush()


def _go_along(erasure: Erasure, person_ids: Collection[str], *, now: datetime) -> None:
    """Have more persons go with those who wait for their day: on theirs, if it is later."""
    refuse_only_owner(person_ids)
    erasure.person_ids = [*erasure.person_ids, *person_ids]
    day = plan(erasure.person_ids, now=now).runs_on
    if day is None:
        _start(erasure, now=now)
    elif day != erasure.runs_on:
        _postpone(erasure, day, now=now)


@address_changed.connect
def _leave(person: Person, *, now: datetime) -> None:
    """Take somebody out of the erasure that they wait for, as they get another address.

    Who asked for it had shown that all is theirs by the address of before. What is left
    goes on its day; its page gets another address, which only that mailbox is told.
    """
    erasure = live_of([person.id])
    if erasure is None or erasure.state != POSTPONED:
        return
    if len(erasure.person_ids) == 1:
        withdraw(erasure, now=now)
        return
    erasure.person_ids = [one for one in erasure.person_ids if one != person.id]
    first = erasure.person_id = erasure.person_ids[0]
    db.session.execute(
        sa.update(PrivacyRequest)
        .where(
            PrivacyRequest.person_id == person.id,
            PrivacyRequest.kind == ERASE,
            PrivacyRequest.answered_at.is_(None),
        )
        .values(person_id=first)
    )
    erasure.link_digest = digest_of_token(token_of(erasure))
    erase_mails.tell(erasure, erase_mails.POSTPONED, now=now)


def _make(person_ids: Collection[str], cause: str, language: str, *, now: datetime) -> Erasure:
    erasure = Erasure(
        person_id=next(iter(person_ids)),
        person_ids=list(person_ids),
        cause=cause,
        state=RUNNING,
        stage="",
        language=language,
        asked_at=now,
        counts={},
        left=[],
        link_digest=b"",
    )
    erasure.link_digest = digest_of_token(token_of(erasure))
    db.session.add(erasure)
    db.session.flush()
    return erasure


def _start(erasure: Erasure, *, now: datetime) -> None:
    """Let an erasure run from now on. Of the house, its access ends first. Raises OnlyOwner."""
    refuse_only_owner(erasure.person_ids)
    for account in accounts_of(erasure.person_ids):
        # Whom it has claimed since it was asked for belongs to it.
        known = list(erasure.person_ids)
        erasure.person_ids = known + [one for one in persons_of(account) if one not in known]
        if account.of_the_house:
            account.role = GUEST
            tickets.end_all(account)
    erasure.state, erasure.begun_at, erasure.stage = RUNNING, now, ""
    db.session.flush()
    enqueue(JOB, {"erasure_id": erasure.id}, now=now)


def _sign_out(erasure: Erasure) -> None:
    for account in accounts_of(erasure.person_ids):
        end_all(account)


# -- Running ------------------------------------------------------------------------------

Stage = Callable[[Erasure, datetime], bool]


def stages() -> list[tuple[str, Stage]]:
    """Return the stages in their order; each tells whether it is finished."""
    emptied: list[tuple[str, Stage]] = [(one.name, _empty(one)) for one in stores.stores()]
    return [
        ("settle", _settle),
        ("ledger", _enter),
        ("mail", _say_goodbye),
        *emptied,
        ("last", _delete_last),
        ("certificate", _certify),
    ]


@handles(JOB)
def _go_on(payload: dict[str, Any], now: datetime) -> None:
    go_on(payload["erasure_id"], now=now)


@every_minute
def run_due(now: datetime) -> None:
    """Begin the erasures whose day has come, and carry on with those that wait. Commits."""
    due = sa.select(Erasure.id).where(Erasure.state == POSTPONED, Erasure.runs_on <= day_here(now))
    running = sa.select(Erasure.id).where(Erasure.state == RUNNING)
    ready, waiting = list(db.session.scalars(due)), list(db.session.scalars(running))
    db.session.rollback()
    for erasure_id in (*ready, *waiting):
        try:
            if erasure_id in ready:
                _its_day(erasure_id, now=now)
            go_on(erasure_id, now=now)
        except Exception as error:  # noqa: BLE001 (one that fails stops no other; it is tried again)
            db.session.rollback()
            log.error(  # noqa: TRY400 (a message might quote somebody)
                "an erasure waits: id=%s error=%s", erasure_id, type(error).__name__
            )


def _its_day(erasure_id: int, *, now: datetime) -> None:
    """Start a postponed erasure, or move it to another day if something is open still."""
    erasure = db.session.get_one(Erasure, erasure_id, with_for_update=True, populate_existing=True)
    if erasure.state != POSTPONED:
        return
    day = plan(erasure.person_ids, now=now).runs_on
    try:
        if day is None:
            _start(erasure, now=now)
            _sign_out(erasure)
    except OnlyOwner:
        day = day_here(now) + _LATER
    if day is not None:
        _postpone(erasure, day, now=now)
    db.session.commit()


def _postpone(erasure: Erasure, day: date, *, now: datetime) -> None:
    erasure.state, erasure.runs_on, erasure.stage = POSTPONED, day, ""
    db.session.flush()
    erase_mails.tell(erasure, erase_mails.MOVED, now=now)


def go_on(erasure_id: int, *, now: datetime) -> None:
    """Carry on with an erasure where it stopped. Commits, a stage at a time.

    Returns without an end where a stage has to wait for somebody; raises what a stage raises.
    """
    while True:
        db.session.rollback()
        erasure = db.session.get(Erasure, erasure_id, with_for_update=True, populate_existing=True)
        if erasure is None or erasure.state != RUNNING:
            db.session.rollback()
            return
        name, stage = next_stage(stages(), erasure.stage)
        with unit(TOPIC, "privacy.erase"):  # whatever began it: it reads for this alone
            finished = stage(erasure, now)
        if erasure.state != RUNNING:  # it was postponed, or is done
            db.session.commit()
            stores.overwrite()  # the row itself named whom it was about until now
            return
        if not finished:
            db.session.commit()
            return
        erasure.stage = name
        db.session.commit()


def _empty(store: stores.Store) -> Stage:
    def stage(erasure: Erasure, now: datetime) -> bool:
        person_ids = list(erasure.person_ids)
        gone = store.erase(person_ids, now)
        if gone:
            erasure.counts = {**erasure.counts, **gone}
        db.session.flush()
        return store.confirmed(person_ids)

    return stage


def _settle(erasure: Erasure, now: datetime) -> bool:
    """Let go of what is only held, close pages nobody has paid on, and look what is open."""
    person_ids = list(erasure.person_ids)
    for reservation_id in stores.held_of(person_ids, now=now):
        release(reservation_id, now=now, only_run_out=False)
    db.session.commit()
    pages = sa.select(Payment.id).where(
        Payment.person_id.in_(person_ids), Payment.state.in_((CREATED, PENDING))
    )
    for payment_id in list(db.session.scalars(pages)):
        db.session.rollback()
        try:
            close_attempt(payment_id, now=now)
        except ProviderError:
            db.session.rollback()
            return False
    found = plan(person_ids, now=now)
    if found.runs_on is not None:
        _postpone(erasure, found.runs_on, now=now)
        return False
    # As it will be told: once the persons are gone nobody can count any more.
    erasure.left = [
        {
            "what": item.table,
            "rows": item.rows,
            "fate": item.fate,
            "ground": item.ground,
            "until": item.until.isoformat() if item.until else None,
        }
        for item in found.items
        if item.fate != "goes"
    ]
    return True


def _enter(erasure: Erasure, now: datetime) -> bool:
    """Write it into the ledger, which outlives a restored book, before anything is destroyed."""
    positions = ledger.enter(erasure.person_ids, erasure.cause, now=now)
    ledger.apply(positions)
    return True


def _say_goodbye(erasure: Erasure, now: datetime) -> bool:
    """Send the last mail while there is an address; for a day, if the relay doesn't take it."""
    if erasure.cause == ledger.TERM:
        return True  # years after a booking; the policy said so
    try:
        erase_mails.send_now(erasure, erase_mails.RUNS, now=now)
    except Exception as error:  # noqa: BLE001 (no mail may keep an erasure from ending)
        log.error("the last mail waits: id=%s error=%s", erasure.id, type(error).__name__)  # noqa: TRY400
        return erasure.begun_at is None or now >= erasure.begun_at + _MAIL_TRIES
    return True


def _delete_last(erasure: Erasure, now: datetime) -> bool:
    erasure.counts = {**erasure.counts, **stores.delete_last(erasure.person_ids)}
    return True


def _certify(erasure: Erasure, now: datetime) -> bool:
    """Overwrite what the last rows left, and sign what was done."""
    erasure_id = erasure.id
    stores.overwrite()
    if not stores.is_overwritten():
        return False
    erasure = db.session.get_one(Erasure, erasure_id, with_for_update=True, populate_existing=True)
    erasure.state, erasure.done_at, erasure.stage = DONE, now, "certificate"
    erasure.certificate = certify(erasure)
    erasure.person_ids = []
    return True
