"""Every place that may hold something of a person, one after the other, as erasure empties them.

A store is emptied, and then says whether it is: an erasure stays under way until each has
confirmed. A feature that keeps something elsewhere (files, an index) adds a line: it is
emptied while the person's rows are still there to say what is theirs.
"""

import email
import email.policy
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from email.utils import getaddresses
from pathlib import Path

import sqlalchemy as sa
from flask import current_app

from app.accounts.models import Account, Person, SessionRow
from app.booking.models import AS_HELD, BOOKING, Reservation
from app.config import Settings
from app.core.database import (
    KEYS,
    Base,
    changed,
    clear_journal,
    connect_to_read,
    db,
    patiently,
    table,
)
from app.core.datamap import tables_in_order
from app.core.languages import N_
from app.core.outbox import Job
from app.core.vault import PersonKey, PersonUnknown, vault
from app.guestbook.reviews_models import PublicReview
from app.payments import saved
from app.payments.models import Payment, Refund, SavedMeans
from app.payments.provider import ProviderError
from app.payments.providers import NoProvider
from app.payments.states import OPEN, PENDING, REQUESTED
from app.privacy import archiving
from app.privacy.models import PrivacyRequest
from app.privacy.tables import PersonTable, person_tables

Persons = Collection[str]
Erase = Callable[[Persons, datetime], dict[str, int] | None]
Confirmed = Callable[[Persons], bool]

LAST = (table(SessionRow), table(Account), table(Person))
"""Who asked stays signed in until every store has confirmed; these go with the certificate."""


@dataclass(frozen=True, slots=True)
class Store:
    """A place: its name in the books, what it is called, and how it is emptied.

    `erase` may be called again after a crash. It doesn't commit, or commits whole steps; it
    returns how many rows went, by table, if it counts. `confirmed` looks whether anything is
    left.
    """

    name: str
    words: str  # marked for translation
    erase: Erase
    confirmed: Confirmed


_stores: list[Store] = []


def register(store: Store, *, before: str = "papers") -> Store:
    """Add a store; its place is before the one of that name. Raises ValueError for a twin."""
    names = [one.name for one in _stores]
    if store.name in names:
        raise ValueError(f"There are two stores called {store.name}.")
    _stores.insert(names.index(before) if before in names else len(names), store)
    return store


def stores() -> tuple[Store, ...]:
    """Return all stores, in the order in which they are emptied."""
    return tuple(_stores)


def store(name: str) -> Store:
    """Return the store of a name. Raises KeyError for none."""
    return {one.name: one for one in _stores}[name]


# -- What everybody can read --------------------------------------------------------------


def _take_off(person_ids: Persons, now: datetime) -> None:
    mine = PublicReview.person_id.in_(person_ids)
    db.session.execute(sa.delete(PublicReview).where(mine))


def _taken_off(person_ids: Persons) -> bool:
    mine = sa.select(PublicReview.review_id).where(PublicReview.person_id.in_(person_ids))
    return db.session.scalar(mine.limit(1)) is None


# -- At the payment provider --------------------------------------------------------------


def _end_at_provider(person_ids: Persons, now: datetime) -> None:
    for person_id in person_ids:
        saved.end_all_of(person_id, now=now)
    db.session.commit()
    query = sa.select(SavedMeans.payment_id).where(SavedMeans.person_id.in_(person_ids))
    for payment_id in list(db.session.scalars(query)):
        try:
            saved.forget(payment_id)
        except (ProviderError, NoProvider):
            db.session.rollback()  # its own job tries again, and so does this one


def _ended_at_provider(person_ids: Persons) -> bool:
    if any(saved.keeps_anything_of(person_id) for person_id in person_ids):
        return False
    mine = Payment.reservation_id.in_(
        sa.select(Reservation.id).where(Reservation.person_id.in_(person_ids))
    )
    pages = sa.select(Payment.id).where(mine, Payment.state.in_(OPEN))
    going = (
        sa.select(Refund.id)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(mine, Refund.state.in_((REQUESTED, PENDING)))
    )
    return not any(db.session.scalar(query.limit(1)) for query in (pages, going))


# -- Letters and jobs ---------------------------------------------------------------------


def _letters(person_ids: Persons) -> list[Path]:
    """Return the demo's letters to these persons: by whom they are addressed to.

    What names them (a link, a job) may be gone from the books before they are.
    """
    settings: Settings = current_app.extensions["settings"]
    mine = {address.casefold() for address in _addresses(person_ids)}
    folder = settings.instance_dir / "mail"
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if _is_named_for(path, mine, person_ids)]


def _addresses(person_ids: Persons) -> set[str]:
    vault().unlock(person_ids)
    found = set()
    for person in db.session.scalars(sa.select(Person).where(Person.id.in_(person_ids))):
        try:
            found.add(person.email or "")
        except PersonUnknown:
            continue
    return found - {""}


def _is_named_for(path: Path, addresses: set[str], person_ids: Persons) -> bool:
    reference = path.name.removeprefix(".").partition("-")[0]
    theirs = sa.select(Reservation.id).where(
        Reservation.reference == reference, Reservation.person_id.in_(person_ids)
    )
    if len(reference) == 8 and db.session.scalar(theirs) is not None:
        return True
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return False
    letter = email.message_from_bytes(content, policy=email.policy.default)
    to = {address.casefold() for _, address in getaddresses([str(letter["To"] or "")])}
    return bool(to & addresses)


def _drop_letters(person_ids: Persons, now: datetime) -> None:
    for path in _letters(person_ids):
        # Overwritten first: a file that is only unlinked can be read from the disk for long,
        # where the file system writes in place at all.
        path.write_bytes(b"\0" * path.stat().st_size)
        path.unlink(missing_ok=True)


def _no_letters(person_ids: Persons) -> bool:
    return not _letters(person_ids)


# What a job's payload calls the rows of a table whose name it isn't.
_CALLED = {"link_id": "mail_link", "request_id": "privacy_request"}


def _jobs(person_ids: Persons) -> list[int]:
    """Return the jobs that wait and are about rows of these persons; money's go their way."""
    found = []
    tables = {one.name: one for one in person_tables() if one.name != "erasure"}
    ids: dict[str, set[object]] = {}
    waiting = sa.select(Job.id, Job.topic, Job.payload).where(Job.done_at.is_(None))
    for job_id, topic, payload in db.session.execute(waiting):
        if topic.startswith("payments."):
            continue
        for name, value in payload.items():
            about = _CALLED.get(name, name.removesuffix("_id"))
            if name.endswith("_id") and about in tables:
                if about not in ids:
                    ids[about] = _keys_of(tables[about], person_ids)
                if value in ids[about]:
                    found.append(job_id)
    return found


def _keys_of(one: PersonTable, person_ids: Persons) -> set[object]:
    key = next(iter(sa.inspect(one.model).primary_key))
    return set(db.session.scalars(one.rows(person_ids).with_only_columns(key)))


def _drop_jobs(person_ids: Persons, now: datetime) -> None:
    db.session.execute(sa.delete(Job).where(Job.id.in_(_jobs(person_ids))))


def _no_jobs(person_ids: Persons) -> bool:
    return not _jobs(person_ids)


# -- The books ----------------------------------------------------------------------------


def _detach(person_ids: Persons, now: datetime) -> None:
    archiving.detach(person_ids, now=now)


def _detached(person_ids: Persons) -> bool:
    return not archiving.to_be_kept(person_ids) and not archiving.invoices_of(person_ids)


def _destroy(person_ids: Persons, now: datetime) -> None:
    vault().destroy(person_ids)


def _destroyed(person_ids: Persons) -> bool:
    query = sa.select(PersonKey.person_id).where(PersonKey.person_id.in_(person_ids)).limit(1)
    with connect_to_read(db.engines[KEYS]) as keys:
        return keys.scalar(query) is None


def _going() -> list[PersonTable]:
    """Return the tables whose rows go, children before their parents."""
    parts = archiving.LEFT_BY_ACCOUNTING | {"erasure", *(one.name for one in LAST)}
    return [one for one in reversed(person_tables()) if one.name not in parts]


def delete_rows(person_ids: Persons, now: datetime) -> dict[str, int]:
    """Delete the rows of every table but those of accounting and the last three. Flushes."""
    gone = {one.name: _delete(one, person_ids) for one in _going()}
    still_open = PrivacyRequest.answered_at.is_(None)
    db.session.execute(
        sa.update(PrivacyRequest)
        .where(PrivacyRequest.person_id.in_(person_ids))
        .values(
            **archiving.emptied(PrivacyRequest),
            # Being erased is the answer to that, and the end of whatever else was asked.
            by_itself=sa.case((still_open, True), else_=PrivacyRequest.by_itself),
            granted=sa.case(
                (still_open, PrivacyRequest.kind == "erase"), else_=PrivacyRequest.granted
            ),
            answered_at=sa.func.coalesce(PrivacyRequest.answered_at, now),
        )
        .execution_options(synchronize_session=False)
    )
    archiving.empty_surveys(person_ids)
    gone["reservation"] = archiving.forget_the_rest(person_ids)
    db.session.flush()
    db.session.expire_all()
    return {name: count for name, count in gone.items() if count}


def delete_last(person_ids: Persons) -> dict[str, int]:
    """Delete the sessions, the accounts, and the persons themselves. Flushes."""
    tables = {one.name: one for one in person_tables()}
    gone = {one.name: _delete(tables[one.name], person_ids) for one in LAST}
    db.session.expire_all()
    return {name: count for name, count in gone.items() if count}


def _delete(one: PersonTable, person_ids: Persons) -> int:
    keys = list(sa.inspect(one.model).primary_key)
    which = keys[0] if len(keys) == 1 else sa.tuple_(*keys)
    mine = one.rows(person_ids).order_by(None).with_only_columns(*keys)
    statement = sa.delete(one.model).where(which.in_(mine))
    return changed(db.session.execute(statement.execution_options(synchronize_session=False)))


def _rows_gone(person_ids: Persons) -> bool:
    held = sa.select(Reservation.id).where(Reservation.person_id.in_(person_ids)).limit(1)
    return db.session.scalar(held) is None and not any(
        db.session.execute(one.rows(person_ids).limit(1)).first() for one in _going()
    )


# -- The files themselves -----------------------------------------------------------------


def overwrite() -> None:
    """Have the databases overwrite what was deleted, as far as they can be asked to.

    SQLite overwrites freed pages (`secure_delete`), and its journal is written back and cut
    off. PostgreSQL marks dead rows as free space; what lies there until it is used again is
    sealed under a key that is gone, but for what is kept unsealed for look-ups. What a file
    system, a disk or a provider of machines keeps of former blocks, nobody here can promise.
    """
    db.session.rollback()
    clear_journal()
    for engine in db.engines.values():
        if engine.dialect.name != "postgresql":
            continue
        begun = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        # Whoever else is at a table, another erasure perhaps: nothing may be left as it is.
        with patiently(), begun as connection:
            metadata = Base.metadata if engine is db.engine else PersonKey.metadata
            for one in tables_in_order(metadata):
                # Where it isn't permitted, PostgreSQL warns and goes on.
                connection.execute(sa.text(f'VACUUM "{one.name}"'))


def _overwrite(person_ids: Persons, now: datetime) -> None:
    overwrite()


def is_overwritten() -> bool:
    """Whether nothing of what was deleted lies in a journal any more. Ends the transaction."""
    db.session.rollback()
    return clear_journal()


def _overwritten(person_ids: Persons) -> bool:
    return is_overwritten()


def held_of(person_ids: Persons, *, now: datetime) -> list[int]:
    """Return the places that are only held for these persons, and whatever ran out."""
    query = sa.select(Reservation.id).where(
        Reservation.person_id.in_(person_ids),
        Reservation.status == AS_HELD,
        sa.or_(Reservation.kind == BOOKING, Reservation.held_until <= now),
    )
    return list(db.session.scalars(query))


def everybody() -> list[str]:
    """Return all persons of the book, and whoever there still is a key of."""
    persons = set(db.session.scalars(sa.select(Person.id)))
    with connect_to_read(db.engines[KEYS]) as keys:
        return sorted(persons | set(keys.scalars(sa.select(PersonKey.person_id))))


def all_held(person_ids: Persons) -> list[int]:
    """Return whatever is held for these persons, a sum that the house asked for too."""
    query = sa.select(Reservation.id).where(
        Reservation.person_id.in_(person_ids), Reservation.status == AS_HELD
    )
    return list(db.session.scalars(query))


for _store in (
    Store("public", N_("What everybody could read"), _take_off, _taken_off),
    Store("provider", N_("The payment provider"), _end_at_provider, _ended_at_provider),
    Store(
        "letters", N_("Letters that the demonstration keeps as files"), _drop_letters, _no_letters
    ),
    Store("outbox", N_("Messages that were still to be sent"), _drop_jobs, _no_jobs),
    Store("papers", N_("Invoices and accounts, which lose your name"), _detach, _detached),
    Store(
        "keys",
        N_("The key to your name, addresses and words"),
        _destroy,
        _destroyed,
    ),
    Store(
        "rows",
        N_("The book: reservations, account, messages, choices, activity"),
        delete_rows,
        _rows_gone,
    ),
    Store("files", N_("What the database’s files still had of it"), _overwrite, _overwritten),
):
    register(_store, before="")
