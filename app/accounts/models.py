"""Persons, accounts, sessions and sign-in links."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.core.database import Base, kept, plain, sealed, whose
from app.core.datamap import Kind, Personal, Purpose, Retention
from app.core.vault import opened

_BOOKING = (Purpose.RESERVATION,)
_CONTACT = Retention.BOOKING


class Person(Base):
    """Whoever we hold data on. Every value is sealed under their own key."""

    __tablename__ = "person"
    __person__ = "id"

    id: Mapped[str] = whose(sa.String(32), primary_key=True)
    created_at: Mapped[datetime] = plain()

    _name: Mapped[bytes | None] = sealed("name", Personal(Kind.NAME, _BOOKING, _CONTACT, "C03"))
    _title: Mapped[bytes | None] = sealed("title", Personal(Kind.TITLE, _BOOKING, _CONTACT, "C08"))
    _email: Mapped[bytes | None] = sealed("email", Personal(Kind.EMAIL, _BOOKING, _CONTACT, "C03"))
    _phone: Mapped[bytes | None] = sealed("phone", Personal(Kind.PHONE, _BOOKING, _CONTACT, "C03"))
    _company: Mapped[bytes | None] = sealed(
        "company", Personal(Kind.COMPANY, (Purpose.INVOICE,), _CONTACT, "C08")
    )
    _wechat_id: Mapped[bytes | None] = sealed(
        "wechat_id", Personal(Kind.WECHAT_ID, _BOOKING, _CONTACT, "C08")
    )
    _billing_address: Mapped[bytes | None] = sealed(
        "billing_address",
        Personal(Kind.BILLING_ADDRESS, (Purpose.INVOICE,), _CONTACT, "C03"),
    )
    _shipping_address: Mapped[bytes | None] = sealed(
        "shipping_address",
        Personal(Kind.SHIPPING_ADDRESS, (Purpose.POSTING,), _CONTACT, "C03"),
    )

    name = opened("_name")
    title = opened("_title")
    email = opened("_email")
    phone = opened("_phone")
    company = opened("_company")
    wechat_id = opened("_wechat_id")
    billing_address = opened("_billing_address")  # JSON, see vault.load_address
    shipping_address = opened("_shipping_address")


class Account(Base):
    """A person's way to sign in, and what they may do here."""

    __tablename__ = "account"
    __person__ = "person_id"
    __table_args__ = (sa.CheckConstraint("role IN ('owner')", name="known_role"),)

    id: Mapped[int] = plain(primary_key=True)
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), unique=True)
    role: Mapped[str] = plain(sa.String(20))
    created_at: Mapped[datetime] = plain()

    person: Mapped[Person] = relationship()


class SignInLink(Base):
    """A single-use way in: only the digest of its token is kept."""

    __tablename__ = "sign_in_link"

    id: Mapped[int] = plain(primary_key=True)
    account_id: Mapped[int] = plain(sa.ForeignKey("account.id", ondelete="CASCADE"), index=True)
    token_digest: Mapped[bytes] = plain(unique=True)
    expires_at: Mapped[datetime] = plain()
    used_at: Mapped[datetime | None] = plain()


class SessionRow(Base):
    """One signed-in browser: a row that can be ended, found by the hash of its id."""

    __tablename__ = "session"
    __path_to_person__ = "account.person_id"

    id: Mapped[int] = plain(primary_key=True)
    id_digest: Mapped[bytes] = plain(unique=True)
    account_id: Mapped[int] = plain(sa.ForeignKey("account.id", ondelete="CASCADE"), index=True)
    csrf_token: Mapped[str] = plain(sa.String(64))
    created_at: Mapped[datetime] = kept(
        Personal(
            Kind.SIGN_IN,
            (Purpose.SIGN_IN, Purpose.SECURITY),
            Retention.SESSION,
            "C04",
            readable="the end of a session is found by its times",
        )
    )
    seen_at: Mapped[datetime] = kept(
        Personal(
            Kind.SIGN_IN,
            (Purpose.SIGN_IN, Purpose.SECURITY),
            Retention.SESSION,
            "C04",
            readable="the end of a session is found by its times",
        )
    )

    account: Mapped[Account] = relationship()
