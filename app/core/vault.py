"""The vault: personal values sealed under a key per person (D2, C14).

A person's key is random, wrapped by the site's master key, and lies in the
second database. Whoever has the book's file has ciphertext; whoever destroys
the key has erased every copy of the values, old backups of the book included.
What must be found by equality (an e-mail address) has a keyed blind index
beside the key, so that it dies with it.

Values are AES-256-GCM with a random nonce; table, column and person are bound
in as associated data, so that a ciphertext can't be moved to another row.
"""

import hmac
import json
import secrets
from collections.abc import Collection
from hashlib import sha256
from typing import Any, overload

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Mapped, Mapper, Session

from app.core.database import KEYS, Base, KeysBase, connect_to_read, db, kept, plain, whose
from app.core.datamap import Kind, Personal, Purpose, Retention, declaration
from app.core.purposes import Guard

VERSION = b"\x01"
NONCE = 12


class PersonKey(KeysBase):
    """A person's key, wrapped by the master key. Without it nothing of theirs opens."""

    __tablename__ = "person_key"
    __person__ = "person_id"

    person_id: Mapped[str] = whose(sa.String(32), primary_key=True)
    wrapped: Mapped[bytes] = plain()


class BlindIndex(KeysBase):
    """Finds persons by a value without holding the value: a keyed digest of it."""

    __tablename__ = "blind_index"
    __person__ = "person_id"
    __table_args__ = (
        sa.Index("ix_blind_index_kind_digest", "kind", "digest"),
        # Names that are signed in with: two accounts can never have the same.
        sa.Index(
            "uq_blind_index_sign_in",
            "kind",
            "digest",
            unique=True,
            sqlite_where=sa.text("kind IN ('username', 'account_email')"),
            postgresql_where=sa.text("kind IN ('username', 'account_email')"),
        ),
    )

    person_id: Mapped[str] = whose(
        sa.String(32),
        sa.ForeignKey("person_key.person_id", ondelete="CASCADE"),
        primary_key=True,
    )
    kind: Mapped[str] = plain(sa.String(20), primary_key=True)
    digest: Mapped[bytes] = kept(
        Personal(
            Kind.PERSON_INDEX,
            (Purpose.RESERVATION, Purpose.SIGN_IN),
            Retention.PERSON,
            "C14",
            readable="equality is looked up by this keyed digest; it goes with the key",
        )
    )


class PersonUnknown(LookupError):
    """There is no key of that person: erased, or never here."""


class SealBroken(ValueError):
    """A sealed value was altered, moved, or sealed under another key."""


def derive(secret: bytes, purpose: str) -> bytes:
    """Return a 32-byte key for one purpose from a secret of full entropy (HMAC-SHA-256)."""
    return hmac.digest(secret, purpose.encode(), sha256)


class Vault:
    """Seals and opens values; holds the master key, and who looks at what is opened."""

    def __init__(self, master_key: bytes, guard: Guard | None = None) -> None:
        """Make it from the master key; without a guard it opens for whatever purpose."""
        self._guard = guard
        self._wrapping = AESGCM(derive(master_key, "reserved: wrapping of persons' keys"))
        self._index = derive(master_key, "reserved: blind index")

    def new_person(self) -> str:
        """Make a person's id and key; the key is stored just before the commit."""
        person_id = secrets.token_hex(16)
        key = AESGCM.generate_key(256)
        nonce = secrets.token_bytes(NONCE)
        wrapped = VERSION + nonce + self._wrapping.encrypt(nonce, key, person_id.encode())
        info = _unit_of_work().info
        info.setdefault("new_keys", []).append({"person_id": person_id, "wrapped": wrapped})
        info.setdefault("keys", {})[person_id] = AESGCM(key)
        return person_id

    def index(self, person_id: str, kind: Kind, value: str) -> None:
        """Let a person be found by `value` and by no former one; stored just before the commit."""
        row = {"person_id": person_id, "kind": kind.value, "digest": self.digest(kind, value)}
        _unit_of_work().info.setdefault("new_indexes", []).append(row)

    def digest(self, kind: Kind, value: str) -> bytes:
        """Return the blind index of a value: the same for the same text, and keyed."""
        return hmac.digest(self._index, f"{kind.value}\0{value.casefold()}".encode(), sha256)

    def find(self, kind: Kind, value: str) -> list[str]:
        """Return the ids of all persons who were indexed under `value`."""
        query = sa.select(BlindIndex.person_id).where(
            BlindIndex.kind == kind.value, BlindIndex.digest == self.digest(kind, value)
        )
        with connect_to_read(_keys_engine()) as connection:
            return list(connection.scalars(query))

    def alike(self, person_ids: Collection[str], kind: Kind) -> dict[str, set[str]]:
        """Return for each of these persons everybody indexed under their own value of a kind.

        They themselves are among them. One statement; nothing is opened.
        """
        mine, others = sa.orm.aliased(BlindIndex), sa.orm.aliased(BlindIndex)
        query = (
            sa.select(mine.person_id, others.person_id)
            .join(others, sa.and_(others.kind == mine.kind, others.digest == mine.digest))
            .where(mine.kind == kind.value, mine.person_id.in_(person_ids))
        )
        found: dict[str, set[str]] = {}
        with connect_to_read(_keys_engine()) as connection:
            for person_id, other in connection.execute(query):
                found.setdefault(person_id, set()).add(other)
        return found

    def unindex(self, person_id: str, kind: Kind) -> None:
        """Let a person be found by nothing of a kind any more; done just before the commit."""
        _unit_of_work().info.setdefault("gone_indexes", []).append(
            {"p": person_id, "k": kind.value}
        )

    def destroy(self, person_ids: Collection[str]) -> None:
        """Destroy the keys of persons, at once: what was sealed for them opens nowhere again.

        It is a unit of work of its own in the keys' database. The rows go after it: a row
        whose key is gone is unreadable, a key whose rows are gone would wait for a backup.
        """
        with _keys_engine().begin() as connection:
            connection.execute(sa.delete(PersonKey).where(PersonKey.person_id.in_(person_ids)))
        known: dict[str, AESGCM] = db.session.info.get("keys", {})
        for person_id in person_ids:
            known.pop(person_id, None)

    def seal(self, person_id: str, field: str, value: str) -> bytes:
        """Seal `value` for `field` ("table.column") of a person.

        Raises PersonUnknown when that person has no key.
        """
        return self.seal_bytes(person_id, field, value.encode())

    def open(self, person_id: str, field: str, sealed: bytes) -> str:
        """Open what `seal` made.

        Raises PersonUnknown after erasure, SealBroken where the bytes were
        altered or belong to another field or person, and under test
        OutsidePurpose where what runs reads for nothing that `field` is held for.
        """
        return self.open_bytes(person_id, field, sealed).decode()

    def seal_bytes(self, person_id: str, field: str, value: bytes) -> bytes:
        """Seal bytes for `field` of a person, as `seal` does with a text."""
        nonce = secrets.token_bytes(NONCE)
        bound = f"{field}\0{person_id}".encode()
        return VERSION + nonce + self._key(person_id).encrypt(nonce, value, bound)

    def open_bytes(self, person_id: str, field: str, sealed: bytes) -> bytes:
        """Open what `seal_bytes` made; raises as `open` does."""
        bound = f"{field}\0{person_id}".encode()
        nonce, text = sealed[1 : 1 + NONCE], sealed[1 + NONCE :]
        key = self._key(person_id)
        # Of somebody who was erased nothing is read: that comes first.
        if self._guard is not None:
            self._guard.check(field)
        try:
            return key.decrypt(nonce, text, bound)
        except InvalidTag as error:
            raise SealBroken(field) from error

    def unlock(self, person_ids: Collection[str]) -> None:
        """Get the keys of many persons with one statement, for a list that shows them all."""
        known: dict[str, AESGCM] = db.session.info.setdefault("keys", {})
        missing = [person_id for person_id in person_ids if person_id not in known]
        if not missing:
            return
        query = sa.select(PersonKey.person_id, PersonKey.wrapped).where(
            PersonKey.person_id.in_(missing)
        )
        with connect_to_read(_keys_engine()) as connection:
            for person_id, wrapped in connection.execute(query):
                known[person_id] = self._unwrap(person_id, wrapped)

    def _unwrap(self, person_id: str, wrapped: bytes) -> AESGCM:
        nonce, text = wrapped[1 : 1 + NONCE], wrapped[1 + NONCE :]
        return AESGCM(self._wrapping.decrypt(nonce, text, person_id.encode()))

    def _key(self, person_id: str) -> AESGCM:
        # Unwrapped keys live as long as one unit of work: a key that another
        # process destroys must not live on here.
        known: dict[str, AESGCM] = db.session.info.setdefault("keys", {})
        if person_id not in known:
            query = sa.select(PersonKey.wrapped).where(PersonKey.person_id == person_id)
            with connect_to_read(_keys_engine()) as connection:
                wrapped = connection.scalar(query)
            if wrapped is None:
                raise PersonUnknown(person_id)
            known[person_id] = self._unwrap(person_id, wrapped)
        return known[person_id]


def vault() -> Vault:
    """Return the app's vault."""
    found: Vault = current_app.extensions["vault"]
    return found


def _unit_of_work() -> Session:
    """Return the session, begun: a rollback tells nobody of work that hasn't begun."""
    session: Session = db.session()
    if not session.in_transaction():
        session.begin()
    return session


def _keys_engine() -> Engine:
    return db.engines[KEYS]


@event.listens_for(Session, "before_commit")
def _store_keys(session: Session) -> None:
    """Write new keys before the rows that need them.

    The two databases can't commit together. A key without rows is harmless; rows
    without a key would be lost for good.
    """
    if session.in_nested_transaction():
        return
    keys = session.info.pop("new_keys", [])
    indexes = session.info.pop("new_indexes", [])
    gone = session.info.pop("gone_indexes", [])
    if keys or indexes or gone:
        with _keys_engine().begin() as connection:
            if keys:
                connection.execute(sa.insert(PersonKey), keys)
            fresh = {key["person_id"] for key in keys}
            # A corrected value takes the place of the one before.
            former = gone + [
                {"p": row["person_id"], "k": row["kind"]}
                for row in indexes
                if row["person_id"] not in fresh
            ]
            if former:
                connection.execute(
                    sa.delete(BlindIndex).where(
                        BlindIndex.person_id == sa.bindparam("p"),
                        BlindIndex.kind == sa.bindparam("k"),
                    ),
                    former,
                )
            if indexes:
                connection.execute(sa.insert(BlindIndex), indexes)


@event.listens_for(Session, "after_commit")
@event.listens_for(Session, "after_rollback")
def _forget_keys(session: Session) -> None:
    if session.in_nested_transaction():
        return
    for name in ("new_keys", "new_indexes", "gone_indexes", "keys"):
        session.info.pop(name, None)


class opened:  # noqa: N801 (read and written like an attribute)
    """The open side of a sealed column: a text, or None.

    The owner of the row is named by the model's `__person__`; whose key it is, where that
    is somebody else's, by `__sealed_for__`.
    """

    def __init__(self, column: str) -> None:
        self.column = column

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.field = f"{owner.__tablename__}.{name}"
        self.person = str(getattr(owner, "__sealed_for__", owner.__person__))

    @overload
    def __get__(self, row: None, owner: type[Any]) -> "opened": ...
    @overload
    def __get__(self, row: object, owner: type[Any]) -> str | None: ...
    def __get__(self, row: object | None, owner: type[Any]) -> "opened | str | None":
        if row is None:
            return self
        sealed = getattr(row, self.column)
        if sealed is None:
            return None
        return vault().open(getattr(row, self.person), self.field, sealed)

    def __set__(self, row: object, value: str | None) -> None:
        sealed = vault().seal(getattr(row, self.person), self.field, value) if value else None
        setattr(row, self.column, sealed)


@event.listens_for(Mapper, "after_mapper_constructed")
def _open_what_is_sealed(mapper: Mapper[Any], model: type[Any]) -> None:
    """Give a sealed column its open side where nobody wrote it down: one line is a column.

    Raises TypeError for one that isn't mapped as `_name`: what is sealed would be shown.
    """
    for column in mapper.columns if issubclass(model, Base) else ():
        said = declaration(column)
        if not isinstance(said, Personal) or said.readable:
            continue
        sealed = mapper.get_property_by_column(column).key
        name = sealed.removeprefix("_")
        if name == sealed:
            raise TypeError(f"{column.table.name}.{column.name} is sealed: map it as _{name}.")
        if not hasattr(model, name):
            reader = opened(sealed)
            reader.__set_name__(model, name)
            setattr(model, name, reader)


def dump_address(address: dict[str, str] | None) -> str | None:
    """Return an address as the text that is sealed, or None."""
    return json.dumps(address, ensure_ascii=False, sort_keys=True) if address else None


def load_address(text: str | None) -> dict[str, str] | None:
    """Return an address from the text that was sealed, or None."""
    return json.loads(text) if text else None
