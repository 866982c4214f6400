"""Telling people what they must know, each once and in their language (C13, C15, C24, C25).

A *matter* is something to be told: a new policy, a closing, a breach. Its kind is registered
with its words by the feature that it is about. Telling it writes a row and a job; the worker
gathers who is concerned and goes through them in batches (`telling_jobs`).

Who has several rows in the book — an account and the bookings that it claims, or bookings
with the same address — has one mailbox, and gets one mail.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account, Claim, Person
from app.core.database import db, table
from app.core.languages import DEFAULT, gettext
from app.core.outbox import enqueue
from app.core.vault import PersonUnknown, vault
from app.policy.facts_kept import Fact, keep, worded
from app.policy.notice_models import (
    FAILED,
    MAIL,
    NOWHERE,
    PUSH,
    SHARED,
    TOLD,
    WAITING,
    Matter,
    PushSubscription,
    Told,
)

GATHER = "notice.gather"
"""The job that finds out who is to be told."""
_MANY = 500  # ids in one statement

_account, _claim, _person, _told = table(Account), table(Claim), table(Person), table(Told)


@dataclass(frozen=True, slots=True)
class MatterKind:
    """A kind of matter: its words, marked by N_, and the template of its mail."""

    subject: str
    template: str
    push: str | None


@dataclass(frozen=True, slots=True)
class Audience:
    """People whom a feature knows: who of them is concerned now, and their languages.

    `current` selects persons' ids; `languages` answers for any of the persons it is asked for.
    """

    current: Callable[[datetime], "sa.Select[Any]"]
    languages: Callable[[Collection[str]], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom a matter would be told to: one person a mailbox."""

    told: list[str] = field(default_factory=list)
    shared: dict[str, str] = field(default_factory=dict)
    """Of others with the same mailbox: the person by whose name its mail goes."""
    nowhere: list[str] = field(default_factory=list)
    """Of these no address is known."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How far it is with telling a matter: in mailboxes, but for `pushed`, in persons."""

    people: int = 0
    told: int = 0
    failed: int = 0
    waiting: int = 0
    nowhere: int = 0
    pushed: int = 0
    gathered: bool = False

    @property
    def finished(self) -> bool:
        """Whether nobody waits any more."""
        return self.gathered and not self.waiting


class MatterUnknown(LookupError):
    """Nobody was ever told of a matter of that code."""


_kinds: dict[str, MatterKind] = {}
_audiences: dict[str, Audience] = {}


def matter(kind: str, *, subject: str, template: str, push: str | None) -> str:
    """Register a kind of matter and return its name.

    `subject` and `push` are marked by N_ and may name facts. `template` is a text without a
    subject; it gets `name`, `site`, `url`, `said` (the facts in words) and `facts` (as values).
    Raises ValueError for a name with other words.
    """
    found = MatterKind(subject, template, push)
    if _kinds.setdefault(kind, found) != found:
        raise ValueError(f"There are two kinds of matter called {kind}.")
    return kind


def kind_of(name: str) -> MatterKind:
    """Return a registered kind; raises KeyError for none."""
    return _kinds[name]


def audience(name: str, people: Audience) -> None:
    """Let a feature above this one say whom it knows. Raises ValueError for a taken name."""
    if name in _audiences:
        raise ValueError(f"There are two audiences called {name}.")
    _audiences[name] = people


def tell(
    code: str,
    kind: str,
    *,
    to: Sequence[str] | None = None,
    url: tuple[str, dict[str, Any]] | None,
    now: datetime,
    **facts: Fact,
) -> None:
    """Have people told, each once, by mail and where they asked for it by push.

    `to` are persons' ids; None is everybody with an account, or with a booking or request
    that isn't over. `url` is an endpoint and its values; `facts` fill the kind's texts and
    are the same for everybody. The caller commits; who is told is found out by the worker.

    Saying a code again changes nothing, so that a repeat tells nobody twice. Raises KeyError
    for a kind that nobody registered, or for a fact that its words lack.
    """
    registered = _kinds[kind]
    for text in filter(None, (registered.subject, registered.push)):
        _ = text % dict.fromkeys(facts, "")
    if db.session.scalar(sa.select(Matter.id).where(Matter.code == code)) is not None:
        return
    row = Matter(
        code=code,
        kind=kind,
        facts=keep(facts),
        endpoint=url[0] if url else None,
        endpoint_values=url[1] if url else {},
        made_at=now,
    )
    db.session.add(row)
    db.session.flush()
    enqueue(GATHER, {"matter_id": row.id, "to": None if to is None else list(to)}, now=now)


# -- Who ------------------------------------------------------------------------------------


def people(to: Sequence[str] | None = None, *, now: datetime) -> list[str]:
    """Return the ids of the persons who would be told, one a mailbox. Reads only."""
    return plan(to, now=now).told


def everybody() -> list[str]:
    """Return the ids of all persons of whom an address is held, whatever for. Reads only.

    For matters that concern past guests as well: `tell(…, to=everybody())`.
    """
    return list(db.session.scalars(sa.select(Person.id).where(Person._email.is_not(None))))


def plan(to: Sequence[str] | None = None, *, now: datetime) -> Plan:
    """Return whom a matter would be told to, and who shares whose mailbox. Reads only."""
    found = Plan()
    by_mailbox: dict[bytes | str, str] = {}
    for person_id, mailbox in _mailboxes(to, now=now):
        if mailbox is None:
            found.nowhere.append(person_id)
        elif (first := by_mailbox.setdefault(mailbox, person_id)) == person_id:
            found.told.append(person_id)
        else:
            found.shared[person_id] = first
    return found


def _mailboxes(
    to: Sequence[str] | None, *, now: datetime
) -> Iterator[tuple[str, bytes | str | None]]:
    """Yield persons, those with accounts first, each with what their mailbox is told by.

    Whoever was erased is left out. A person whom an account claims has its mailbox.
    """
    ids = _current(now) if to is None else to
    accounts, claims = _accounts_of(ids)
    ordered = sorted(dict.fromkeys(ids), key=lambda one: (one not in accounts, one))
    held = {one: mailbox for part in some(ordered) for one, mailbox in _addresses(part)}
    box_of_account = {accounts[one]: held[one] for one in ordered if one in accounts if one in held}
    for person_id in ordered:
        if person_id not in held:
            continue
        mailbox = held[person_id]
        account_id = claims.get(person_id)
        if account_id is not None:
            # By the account's own address, where that is told too; by one of theirs, otherwise.
            theirs = box_of_account.setdefault(account_id, mailbox)
            mailbox = theirs or mailbox
        yield person_id, mailbox


def _current(now: datetime) -> list[str]:
    """Return everybody who is concerned by what the house does next."""
    verified = sa.select(_account.c.person_id).where(_account.c.verified_at.is_not(None))
    found = dict.fromkeys(db.session.scalars(verified))
    for known in _audiences.values():
        found |= dict.fromkeys(db.session.scalars(known.current(now)))
    return list(found)


def _accounts_of(ids: Collection[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Return which of these persons have accounts, and which an account has claimed."""
    accounts: dict[str, int] = {}
    claims: dict[str, int] = {}
    for part in some(ids):
        mine = sa.select(_account.c.person_id, _account.c.id).where(_account.c.person_id.in_(part))
        theirs = sa.select(_claim.c.person_id, _claim.c.account_id).where(
            _claim.c.person_id.in_(part)
        )
        accounts |= {row[0]: row[1] for row in db.session.execute(mine)}
        claims |= {row[0]: row[1] for row in db.session.execute(theirs)}
    return accounts, claims


def _addresses(ids: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
    """Yield those of these persons who are there, with a digest of their address.

    Not with that of the index, which folds more than capitals: of two mailboxes that look
    alike to it, one would be told nothing.
    """
    vault().unlock(ids)
    for person in db.session.scalars(sa.select(Person).where(Person.id.in_(ids))):
        try:
            email = person.email
        except PersonUnknown:
            continue
        yield person.id, sha256(email.lower().encode()).digest() if email else None


def some(ids: Iterable[str]) -> Iterator[list[str]]:
    """Yield so many ids at a time as go into one statement."""
    left = iter(ids)
    while part := list(islice(left, _MANY)):
        yield part


def languages_of(ids: Collection[str]) -> dict[str, str]:
    """Return the language of each of these persons: their account's, or a feature's."""
    found: dict[str, str] = {}
    for known in _audiences.values():
        found |= known.languages(ids)
    claimed = (
        sa.select(_claim.c.person_id, _account.c.language)
        .join(_account, _account.c.id == _claim.c.account_id)
        .where(_claim.c.person_id.in_(ids))
    )
    own = sa.select(_account.c.person_id, _account.c.language).where(_account.c.person_id.in_(ids))
    for query in (claimed, own):
        found |= {row[0]: row[1] for row in db.session.execute(query)}
    return {person_id: found.get(person_id, DEFAULT) for person_id in ids}


# -- How far --------------------------------------------------------------------------------


def counts(code: str) -> Counts:
    """Return how many a matter is to be told to, and to how many it was. Reads only.

    Raises MatterUnknown for a code that was never told.
    """
    row = _matter(code)
    query = (
        sa.select(Told.how, Told.state, sa.func.count())
        .where(Told.matter_id == row.id)
        .group_by(Told.how, Told.state)
    )
    found = {(how, state): number for how, state, number in db.session.execute(query)}
    by_mail = {state: found.get((MAIL, state), 0) for state in (TOLD, FAILED, WAITING, NOWHERE)}
    return Counts(
        people=sum(by_mail.values()),
        told=by_mail[TOLD],
        failed=by_mail[FAILED],
        waiting=by_mail[WAITING],
        nowhere=by_mail[NOWHERE],
        pushed=found.get((PUSH, TOLD), 0),
        gathered=row.gathered_at is not None,
    )


def states(code: str) -> list[tuple[str, str, str, datetime | None]]:
    """Return (person's id, how, state, when) of everybody who is to be told. Reads only.

    States are those of `notice_models`; SHARED is who has the mailbox of another one.
    Raises MatterUnknown for a code that was never told.
    """
    query = (
        sa.select(Told.person_id, Told.how, Told.state, Told.at)
        .where(Told.matter_id == _matter(code).id)
        .order_by(Told.id)
    )
    return [(row[0], row[1], row[2], row[3]) for row in db.session.execute(query)]


def subject_of(kind: str, facts: Mapping[str, Any]) -> str:
    """Return a matter's subject in the current language; its kind's name for a former one."""
    try:
        return gettext(_kinds[kind].subject, **worded(facts))
    except KeyError:  # no such kind any more, or it has other facts now
        return kind


def _matter(code: str) -> Matter:
    row = db.session.scalar(sa.select(Matter).where(Matter.code == code))
    if row is None:
        raise MatterUnknown(code)
    return row


def rows_for(found: Plan, row: Matter, *, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield a row for everybody in a plan, and one for each who asked to be told by push."""
    states_of: list[tuple[Iterable[str], str]] = [
        (found.told, WAITING),
        (found.shared, SHARED),
        (found.nowhere, NOWHERE),
    ]
    for ids, state in states_of:
        for person_id in ids:
            yield _new(row, person_id, MAIL, state, now=now)
    for part in some([*found.told, *found.shared, *found.nowhere]):
        wanting = sa.select(PushSubscription.person_id).where(PushSubscription.person_id.in_(part))
        for person_id in db.session.scalars(wanting.distinct()):
            yield _new(row, person_id, PUSH, WAITING, now=now)


def _new(row: Matter, person_id: str, how: str, state: str, *, now: datetime) -> dict[str, Any]:
    return {
        "matter_id": row.id,
        "person_id": person_id,
        "how": how,
        "state": state,
        "not_before": now,
        "tries": 0,
    }
