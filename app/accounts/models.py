"""Persons, accounts, what they sign in with, sessions, and single-use links."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.core.database import Base, inner, kept, plain, sealed, whose
from app.core.datamap import Kind, Personal, Purpose, Retention
from app.core.vault import opened

_BOOKING = (Purpose.RESERVATION, Purpose.ACCOUNT)
_CONTACT = Retention.BOOKING  # of a person without a booking: as long as the account is there
_CREDENTIAL = Personal(Kind.CREDENTIAL, (Purpose.SIGN_IN,), Retention.ACCOUNT, "C04")
_SESSION = Personal(
    Kind.SIGN_IN,
    (Purpose.SIGN_IN, Purpose.SECURITY),
    Retention.SESSION,
    "C04",
    readable="the end of a session is found by its times",
)

GUEST, READER, STAFF, OWNER = "guest", "reader", "staff", "owner"
HOUSE = (READER, STAFF, OWNER)
"""The roles of those who run the place; each may do what those before it may."""


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
    """A person's way to sign in, and what they may do here.

    A password is kept as its Argon2id hash, and that sealed. Until its address is
    verified an account is a request: it can't be signed in to, and goes by itself.
    """

    __tablename__ = "account"
    __person__ = "person_id"
    __table_args__ = (
        sa.CheckConstraint("role IN ('guest', 'reader', 'staff', 'owner')", name="known_role"),
    )

    id: Mapped[int] = plain(primary_key=True)
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), unique=True)
    role: Mapped[str] = plain(sa.String(20))
    created_at: Mapped[datetime] = plain()
    verified_at: Mapped[datetime | None] = plain()
    language: Mapped[str] = kept(
        Personal(
            Kind.LANGUAGE,
            (Purpose.ACCOUNT,),
            Retention.ACCOUNT,
            "C18",
            readable="mails to the account are written in it",
        ),
        sa.String(5),
        server_default="en",
    )
    _username: Mapped[bytes | None] = sealed(
        "username", Personal(Kind.USERNAME, (Purpose.SIGN_IN,), Retention.ACCOUNT, "C04")
    )
    _password: Mapped[bytes | None] = sealed("password", _CREDENTIAL)
    _totp: Mapped[bytes | None] = sealed("totp", _CREDENTIAL)
    totp_at: Mapped[datetime | None] = plain()  # since when there are codes
    totp_step: Mapped[int | None] = plain()  # the last thirty seconds whose code was used
    suspended_at: Mapped[datetime | None] = plain()  # no way in opens until the owner says so
    # The last day on which somebody was signed in to it, and when they were told that it
    # will go because nobody is any more.
    used_on: Mapped[date | None] = kept(
        Personal(
            Kind.SIGN_IN,
            (Purpose.ACCOUNT,),
            Retention.ACCOUNT,
            "C12",
            readable="an account that nobody uses is found by it",
        )
    )
    warned_at: Mapped[datetime | None] = plain()

    username = opened("_username")
    password = opened("_password")  # the hash, in PHC's string format
    totp = opened("_totp")  # the secret, base32; set once a code of it was shown to be right

    person: Mapped[Person] = relationship()

    @property
    def of_the_house(self) -> bool:
        """Whether it is of somebody who runs the place, or helps to."""
        return self.role in HOUSE


class Claim(Base):
    """A person of an earlier booking whom an account has proved to be: same verified address."""

    __tablename__ = "claim"
    __person__ = "person_id"

    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = plain(sa.ForeignKey("account.id", ondelete="CASCADE"), index=True)
    claimed_at: Mapped[datetime] = plain()


class Passkey(Base):
    """A WebAuthn credential: the public half, which opens nothing by itself."""

    __tablename__ = "passkey"
    __path_to_person__ = "account.person_id"

    id: Mapped[int] = plain(primary_key=True)
    account_id: Mapped[int] = plain(sa.ForeignKey("account.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = kept(
        Personal(
            Kind.CREDENTIAL,
            (Purpose.SIGN_IN,),
            Retention.ACCOUNT,
            "C04",
            readable="an authenticator is found by it",
        ),
        unique=True,
    )
    public_key: Mapped[bytes] = plain()
    sign_count: Mapped[int] = plain(sa.BigInteger)
    device: Mapped[str] = kept(
        Personal(
            Kind.DEVICE,
            (Purpose.SIGN_IN,),
            Retention.ACCOUNT,
            "C04",
            readable="the families of a browser and a system, to tell one passkey from another",
        ),
        sa.String(80),
    )
    created_at: Mapped[datetime] = plain()
    used_at: Mapped[datetime | None] = plain()

    account: Mapped[Account] = relationship()


class RecoveryCode(Base):
    """One of the codes for a lost device; only its digest is kept, and it works once."""

    __tablename__ = "recovery_code"
    __path_to_person__ = "account.person_id"

    id: Mapped[int] = plain(primary_key=True)
    account_id: Mapped[int] = plain(sa.ForeignKey("account.id", ondelete="CASCADE"), index=True)
    digest: Mapped[bytes] = plain()
    used_at: Mapped[datetime | None] = plain()

    account: Mapped[Account] = relationship()


class SignInLink(Base):
    """A single-use way in: only the digest of its token is kept."""

    __tablename__ = "sign_in_link"
    __path_to_person__ = "account.person_id"

    id: Mapped[int] = plain(primary_key=True)
    account_id: Mapped[int] = plain(sa.ForeignKey("account.id", ondelete="CASCADE"), index=True)
    token_digest: Mapped[bytes] = plain(unique=True)
    expires_at: Mapped[datetime] = plain()
    used_at: Mapped[datetime | None] = plain()

    account: Mapped[Account] = relationship()


class MailLink(Base):
    """A single-use link in a mail, and what the mail is about.

    Its token is made from the site's secret and the row (`accounts.mail_links`), so
    that it is stored nowhere. Where a mail goes is fixed when the reason for it is.
    """

    __tablename__ = "mail_link"
    __person__ = "person_id"
    __table_args__ = (
        sa.CheckConstraint(
            "purpose IN ('verify', 'way_in', 'email', 'claim', 'invite', 'told')",
            name="known_purpose",
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    account_id: Mapped[int] = plain(sa.ForeignKey("account.id", ondelete="CASCADE"), index=True)
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = plain(sa.String(20))
    news: Mapped[str] = plain(sa.String(30), server_default="")  # what a person is told of
    created_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain(index=True)
    used_at: Mapped[datetime | None] = plain()
    _to: Mapped[bytes | None] = sealed(
        "to", Personal(Kind.EMAIL, (Purpose.ACCOUNT,), Retention.SECURITY, "C04")
    )
    _detail: Mapped[bytes | None] = sealed(
        "detail", Personal(Kind.DEVICE, (Purpose.SECURITY,), Retention.SECURITY, "C04")
    )

    to = opened("_to")
    detail = opened("_detail")  # with what device, where that is the news

    account: Mapped[Account] = relationship()


class Ticket(Base):
    """A step that was begun and must be finished soon, once: a second factor, a challenge."""

    __tablename__ = "ticket"
    __path_to_person__ = "account.person_id"

    id: Mapped[int] = plain(primary_key=True)
    account_id: Mapped[int | None] = plain(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    purpose: Mapped[str] = plain(sa.String(20))
    token_digest: Mapped[bytes] = plain(unique=True)
    challenge: Mapped[bytes | None] = plain()
    tries: Mapped[int] = plain(server_default="0")
    expires_at: Mapped[datetime] = plain(index=True)

    account: Mapped[Account | None] = relationship()


class SessionRow(Base):
    """One signed-in browser: a row that can be ended, found by the hash of its id."""

    __tablename__ = "session"
    __path_to_person__ = "account.person_id"

    id: Mapped[int] = plain(primary_key=True)
    id_digest: Mapped[bytes] = plain(unique=True)
    account_id: Mapped[int] = plain(sa.ForeignKey("account.id", ondelete="CASCADE"), index=True)
    csrf_token: Mapped[str] = inner(sa.String(64))
    created_at: Mapped[datetime] = kept(_SESSION)
    seen_at: Mapped[datetime] = kept(_SESSION)
    proved_at: Mapped[datetime | None] = kept(_SESSION)  # when they last proved who they are
    strong: Mapped[bool] = plain(server_default=sa.false())  # with a second factor
    device: Mapped[str] = kept(
        Personal(
            Kind.DEVICE,
            (Purpose.SECURITY,),
            Retention.SESSION,
            "C04",
            readable="the families of a browser and a system, beside the button to sign it out",
        ),
        sa.String(80),
        server_default="",
    )
    # When it was last looked up what its person should know, so that no page has to.
    news_at: Mapped[datetime | None] = inner()

    account: Mapped[Account] = relationship()


class Reading(Base):
    """Somebody of the house opened a person's details: kept for that person to see.

    One row a person, reader, kind of page and day; looking again counts up. Where one
    detail was opened by itself, there is one a detail and purpose.
    """

    __tablename__ = "reading"
    __person__ = "person_id"
    __table_args__ = (
        sa.UniqueConstraint("person_id", "reader_id", "what", "day", "detail", "purpose"),
    )

    id: Mapped[int] = plain(primary_key=True)
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"))
    # No reference to the account: who left the house has still read what they read.
    reader_id: Mapped[int] = inner()
    role: Mapped[str] = plain(sa.String(20))
    what: Mapped[str] = plain(sa.String(20))
    # Which detail, and what for: words of the code; "" where a whole page was opened.
    detail: Mapped[str] = plain(sa.String(20), default="", server_default="")
    purpose: Mapped[str] = plain(sa.String(20), default="", server_default="")
    # What the reader typed of the reason; may name a person, so it is theirs.
    _reason: Mapped[bytes | None] = sealed(
        "reason", Personal(Kind.READING, (Purpose.SECURITY,), Retention.READING, "C17")
    )
    day: Mapped[date] = plain(index=True)
    times: Mapped[int] = plain()
    at: Mapped[datetime] = kept(
        Personal(
            Kind.READING,
            (Purpose.SECURITY,),
            Retention.READING,
            "C17",
            readable="the last time of that day, counted on by the database itself",
        )
    )

    reason = opened("_reason")


class Disclosure(Base):
    """Something of a person went to somebody outside: kept for that person to see.

    One row a person, recipient and kind of message; another one on the same way counts up.
    """

    __tablename__ = "disclosure"
    __person__ = "person_id"
    __table_args__ = (sa.UniqueConstraint("person_id", "recipient", "what"),)

    id: Mapped[int] = plain(primary_key=True)
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"))
    recipient: Mapped[str] = plain(sa.String(40))  # its code in the register
    what: Mapped[str] = plain(sa.String(40))  # one of disclosures.WHAT
    times: Mapped[int] = plain()
    first_at: Mapped[datetime] = plain()
    last_at: Mapped[datetime] = kept(
        Personal(
            Kind.DISCLOSURE,
            (Purpose.RIGHTS,),
            Retention.PERSON,
            "C02",
            readable="counted on by the database itself",
        )
    )


class Restriction(Base):
    """A person's no to a use of what is held on them: restricted or objected to.

    One row a person, purpose and kind; lifting it ends the row, so that both are proved.
    """

    __tablename__ = "restriction"
    __person__ = "person_id"
    __table_args__ = (
        sa.CheckConstraint("kind IN ('restrict', 'object')", name="known_kind"),
        sa.Index(
            "uq_restriction_live",
            "person_id",
            "purpose",
            "kind",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = plain(sa.String(8))
    purpose: Mapped[str] = kept(
        Personal(
            Kind.WISH,
            (Purpose.RIGHTS,),
            Retention.RIGHTS,
            "C26",
            readable="every use for that purpose asks for it first",
        ),
        sa.String(20),
    )
    since: Mapped[datetime] = plain()
    ended_at: Mapped[datetime | None] = plain()
