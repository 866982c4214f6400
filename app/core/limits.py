"""Limits on how often something may be asked for, shared by all workers.

A token bucket a row, moved by one statement: exact over many processes and
restarts, where a limit in each process's memory lets many times its number
through. A bucket is named by a keyed pseudonym of the network that changes
every day, so that nobody can be followed by it.
"""

import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from app.core.database import Base, db, kept, plain
from app.core.datamap import Kind, Personal, Purpose, Retention
from app.core.errors import DomainError
from app.core.languages import N_


class TooManyRequests(DomainError):
    """The bucket is empty."""

    message = N_("That was a little too often. Please wait a few minutes and try again.")


class Bucket(Base):
    """What is left of one limit for one network."""

    __tablename__ = "limit_bucket"
    __person__ = None  # nobody can be found from the pseudonym, and none is kept for long

    name: Mapped[str] = kept(
        Personal(
            Kind.NETWORK_PSEUDONYM,
            (Purpose.SECURITY,),
            Retention.SECURITY,
            "C17",
            readable="a keyed pseudonym of a network, changed daily; limits are looked up by it",
        ),
        sa.String(90),
        primary_key=True,
    )
    spent: Mapped[float] = plain()  # requests not yet forgiven
    at: Mapped[float] = plain(index=True)  # seconds since 1970 of the last request


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `burst` at once, and `per_hour` in the long run."""

    name: str
    burst: int
    per_hour: int


_SPEND = sa.text(
    "INSERT INTO limit_bucket (name, spent, at) VALUES (:name, 1, :at) "
    "ON CONFLICT (name) DO UPDATE SET at = excluded.at, spent = 1 + CASE "
    # A clock that was set back forgives nothing, and must not count as so much more either.
    "WHEN excluded.at < limit_bucket.at THEN limit_bucket.spent "
    "WHEN limit_bucket.spent > (excluded.at - limit_bucket.at) * :forgiven "
    "THEN limit_bucket.spent - (excluded.at - limit_bucket.at) * :forgiven ELSE 0 END "
    "RETURNING spent"
)


def network_pseudonym(secret: bytes, address: str, *, now: datetime) -> str:
    """Return today's keyed pseudonym of the network (IPv4 /24, IPv6 /56) of an address."""
    try:
        ip = ipaddress.ip_address(address)
        width = 24 if ip.version == 4 else 56
        network = str(ipaddress.ip_network((ip, width), strict=False))
    except ValueError:
        network = "unknown"
    return hmac.new(secret, f"{now:%Y-%m-%d}\0{network}".encode(), sha256).hexdigest()[:32]


def spend(limit: Limit, who: str, *, now: datetime) -> None:
    """Count one request against a limit.

    Executes one statement; the caller commits. Raises TooManyRequests when more
    than the limit's burst is outstanding.
    """
    seconds = now.timestamp()
    forgiven = limit.per_hour / 3600
    spent = (
        db.session.connection()
        .execute(_SPEND, {"name": f"{limit.name}:{who}", "at": seconds, "forgiven": forgiven})
        .scalar_one()
    )
    if spent > limit.burst:
        raise TooManyRequests


def is_old(now: datetime) -> sa.ColumnElement[bool]:
    """Say of a bucket that nobody touched it for a day: its network has another name by now."""
    return Bucket.at < now.timestamp() - 86400
