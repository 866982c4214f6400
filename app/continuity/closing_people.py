"""Whom a closing erases: everybody but those who own the place; and what nobody's name is on.

Owners keep their accounts: somebody has to answer for what the law keeps, and to show the
certificate. Everything else of everybody goes by the same verbs as any erasure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from flask import current_app

from app.accounts.models import OWNER, Account, Claim, Person
from app.booking.models import AS_HELD, ASKED, Basket, Reservation
from app.config import Settings
from app.consent.models import Grant
from app.core.database import changed, db, table
from app.core.erasures import HOUSE
from app.core.languages import DEFAULT
from app.core.limits import Bucket
from app.core.outbox import Job
from app.payments.due import outstanding, owing
from app.privacy.ending import end
from app.privacy.models import POSTPONED, RUNNING, Erasure
from app.privacy.planning import ANONYMISED, GOES, KEPT, Blocker, Item, blockers, plan

_MANY = 400
_person, _account, _claim = table(Person), table(Account), table(Claim)


def _owners() -> sa.ScalarSelect[Any]:
    return sa.select(_account.c.person_id).where(_account.c.role == OWNER).scalar_subquery()


def staying() -> sa.ColumnElement[bool]:
    """Say of a person that they stay: an owner, or a booking that an owner's account claims."""
    owned = sa.select(_claim.c.person_id).join(_account, _account.c.id == _claim.c.account_id)
    return sa.or_(
        _person.c.id.in_(_owners()),
        _person.c.id.in_(owned.where(_account.c.role == OWNER).scalar_subquery()),
    )


def everybody() -> list[str]:
    """Return whom a closing concerns: everybody of whom anything is held. Reads only.

    Also those whose stay is over: what is held of them goes, and they can take it along.
    """
    return list(db.session.scalars(sa.select(_person.c.id).order_by(_person.c.id)))


def going() -> sa.Select[Any]:
    """Return the statement for the persons who go."""
    return sa.select(_person.c.id).where(~staying()).order_by(_person.c.id)


def how_many() -> tuple[int, int]:
    """Return how many persons go, and how many accounts of owners stay."""
    persons = sa.select(sa.func.count()).select_from(going().order_by(None).subquery())
    owners = sa.select(sa.func.count()).where(_account.c.role == OWNER)
    return int(db.session.scalar(persons) or 0), int(db.session.scalar(owners) or 0)


def fates(*, now: datetime) -> list[Item]:
    """Say of every table what would become of it, over everybody who goes. Reads only."""
    ids = list(db.session.scalars(going()))
    items: list[Item] = []
    for begin in range(0, len(ids), _MANY):
        items += plan(ids[begin : begin + _MANY], now=now).items
    return together(items)


def together(items: Sequence[Item]) -> list[Item]:
    """Return items of many persons as one a table, fate and ground; the latest day counts."""
    found: dict[tuple[str, str, str], tuple[int, date | None]] = {}
    for one in items:
        key = (one.table, one.fate, one.ground)
        rows, until = found.get(key, (0, None))
        days = [day for day in (until, one.until) if day is not None]
        found[key] = (rows + one.rows, max(days, default=None))
    order = (GOES, ANONYMISED, KEPT)
    ranked = sorted(found.items(), key=lambda pair: (order.index(pair[0][1]), pair[0][0]))
    return [Item(name, fate, rows, ground, until) for (name, fate, ground), (rows, until) in ranked]


# -- Beginning the erasures ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """Persons who go together, and the language in which they are told."""

    person_ids: list[str]
    language: str


def next_groups(most: int) -> list[Group]:
    """Return the next who aren't being erased yet: accounts with whom they claim come first."""
    groups: list[Group] = []
    done = _being_erased()
    for person_id in db.session.scalars(going()).all():
        if person_id in done:
            continue
        if len(groups) == most:
            break
        group = _group_of(person_id)
        groups.append(group)
        done.update(group.person_ids)
    return groups


def _being_erased() -> set[str]:
    """Return everybody whose erasure waits or runs, those too who go along with another."""
    query = sa.select(Erasure.person_ids).where(Erasure.state.in_((POSTPONED, RUNNING)))
    return {one for person_ids in db.session.scalars(query) for one in person_ids}


def _group_of(person_id: str) -> Group:
    account = db.session.scalar(sa.select(Account).where(Account.person_id == person_id))
    if account is None:
        claimed_by = sa.select(Account).join(Claim, Claim.account_id == Account.id)
        account = db.session.scalar(claimed_by.where(Claim.person_id == person_id).limit(1))
    if account is not None:
        query = sa.select(Claim.person_id).where(Claim.account_id == account.id)
        claimed = list(db.session.scalars(query.order_by(Claim.person_id)))
        return Group([account.person_id, *claimed], account.language)
    query = sa.select(Reservation.language).where(Reservation.person_id == person_id).limit(1)
    return Group([person_id], db.session.scalar(query) or DEFAULT)


def erase(groups: Sequence[Group], *, now: datetime) -> None:
    """Erase some, each as far as it goes now; the worker goes on with what waits. Commits."""
    for group in groups:
        end(group.person_ids, HOUSE, language=group.language, now=now)


def whom_it_waits_for(*, now: datetime, most: int = 50) -> Iterator[Blocker]:
    """Yield what is still open of those whose erasure waits, such as a refund on its way."""
    query = sa.select(Erasure.person_ids).where(Erasure.state.in_((POSTPONED, RUNNING)))
    for person_ids in db.session.scalars(query.order_by(Erasure.id).limit(most)):
        yield from blockers(person_ids, now=now)


def nobody_left() -> bool:
    """Whether everybody is gone who goes, and no erasure is under way."""
    anybody = db.session.scalar(going().order_by(None).limit(1))
    under_way = sa.select(Erasure.id).where(Erasure.state.in_((POSTPONED, RUNNING))).limit(1)
    return anybody is None and db.session.scalar(under_way) is None


# -- Before and after ---------------------------------------------------------------------


def open_links() -> list[int]:
    """Return the sums that somebody was asked for and can still pay."""
    query = sa.select(Reservation.id).where(
        Reservation.kind == ASKED, Reservation.status == AS_HELD
    )
    return list(db.session.scalars(query.order_by(Reservation.id)))


def unpaid_balances() -> list[Reservation]:
    """Return what is still owed, of stays that are over: it is let go before the erasure."""
    return list(db.session.scalars(sa.select(Reservation).where(*owing())))


def let_balances_go() -> int:
    """Ask for no balance any more; return the sum, in minor units. The caller commits."""
    gone = 0
    for reservation in unpaid_balances():
        gone += outstanding(reservation)
        reservation.deposit_minor = reservation.balance_due_at = None
    db.session.flush()
    return gone


def clear_up() -> dict[str, int]:
    """Delete what nobody's name is on, but visitors left: choices that live, baskets, limits.

    Receipts of choices stay under their own retention, as proof. Flushes.
    """
    grants = sa.or_(Grant.person_id.is_(None), Grant.person_id.not_in(_owners()))
    statements: dict[str, sa.Delete] = {
        "consent_grant": sa.delete(Grant).where(grants),
        "basket": sa.delete(Basket),
        "limit_bucket": sa.delete(Bucket),
        "job": sa.delete(Job).where(Job.done_at.is_not(None)),
    }
    gone = {}
    for name, statement in statements.items():
        done = db.session.execute(statement, execution_options={"synchronize_session": False})
        gone[name] = changed(done)
    gone["letters"] = _drop_letters()
    db.session.flush()
    return {name: count for name, count in gone.items() if count}


def _drop_letters() -> int:
    """Overwrite and delete the demo's letters: those to the house quote what guests wrote."""
    settings: Settings = current_app.extensions["settings"]
    folder = settings.instance_dir / "mail"
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in found:
        path.write_bytes(b"\0" * path.stat().st_size)
        path.unlink(missing_ok=True)
    return len(found)
