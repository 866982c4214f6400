"""Passkeys (WebAuthn Level 3): made on a device, and opened there by a finger, a face or a code.

The device answers a challenge of ours, made for one purpose and used once. It is asked
each time to make sure of its person, so a passkey is both factors at once: something
they have, and something they are or know. Nothing kept here can be used to sign in.
"""

import hmac
import ipaddress
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import current_app

from app.accounts import tickets
from app.accounts.models import Account, Passkey
from app.core.database import changed, db, only_reading
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.limits import Limit
from app.web.pages import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
    from webauthn.helpers.structs import AuthenticationCredential, PublicKeyCredentialDescriptor
    from webauthn.registration.verify_registration_response import VerifiedRegistration

MOST = 10
# Challenges that one network may ask for; a hotel's whole Wi-Fi may stand behind one.
ASKING = Limit("passkey-challenges", burst=60, per_hour=240)
LONGEST_ANSWER = 10_000  # characters; with an attestation it has some two thousand
_LONGEST_ID = 1023  # bytes of a credential's id (WebAuthn Level 3, 4)
_PATIENCE = 300_000  # milliseconds that the browser waits for a finger


class PasskeyRefused(DomainError):
    """The answer isn't right, or not of a passkey that may be used here. We don't say which."""

    message = N_("This passkey doesn’t open anything here. Please try again, or use another way.")


class PasskeyNotTaken(DomainError):
    """The new passkey can't be kept: its answer isn't right, or somebody has it already."""

    message = N_("This passkey couldn’t be added. Please try once more.")


class TooManyPasskeys(DomainError):
    """As many as an account may have."""

    message = N_("You have %(most)d passkeys, and more can’t be kept. Please remove one first.")


class Question(NamedTuple):
    """What the device is asked: options in the JSON of WebAuthn Level 3, and our ticket."""

    options: dict[str, Any]
    ticket: str


# -- Where we are ---------------------------------------------------------------------------


def possible() -> bool:
    """Tell whether browsers make passkeys here: only for names, and not on unsafe lines."""
    host = _host()
    with suppress(ValueError):
        ipaddress.ip_address(host)
        return False
    return settings().https or host == "localhost"


def _host() -> str:
    return urlsplit(settings().site_url).hostname or ""


def _origin() -> str:
    site = urlsplit(settings().site_url)
    standard = {"http": 80, "https": 443}[site.scheme]
    port = f":{site.port}" if site.port not in (None, standard) else ""
    return f"{site.scheme}://{site.hostname}{port}"


def _handle(account_id: int) -> bytes:
    """Return what an authenticator knows an account by: nothing that tells who it is."""
    secret: bytes = current_app.extensions["settings"].secret_key
    return hmac.digest(secret, f"reserved: passkeys of\0{account_id}".encode(), sha256)


# -- A new one ------------------------------------------------------------------------------


def ask_for_new(account: Account, *, site: str, name: str, now: datetime) -> Question:
    """Return what to ask a device for a new passkey of an account.

    `site` and `name` are what the device shows beside it. Raises TooManyPasskeys. The
    caller commits.
    """
    with only_reading():
        account_id, present = account.id, _descriptions(account.id)
    if len(present) >= MOST:
        raise TooManyPasskeys(most=MOST)
    # Lazily, and while no lock is held: it takes 0.2 s to load.
    import webauthn
    from webauthn.helpers import structs  # likewise

    options = webauthn.generate_registration_options(
        rp_id=_host(),
        rp_name=site,
        user_id=_handle(account_id),
        user_name=name,
        timeout=_PATIENCE,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.PREFERRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=present,
    )
    ticket = tickets.begin(tickets.PASSKEY_NEW, account, now=now, challenge=options.challenge)
    return Question(webauthn.helpers.options_to_json_dict(options), ticket)


def add(account: Account, ticket: str, answer: str, *, device: str, now: datetime) -> Passkey:
    """Keep the passkey that a device made; `device` is what to call it, `device_code`'s.

    Commits that the challenge was used; the caller commits the passkey. Raises
    TicketUseless, PasskeyNotTaken, TooManyPasskeys.
    """
    challenge = _use_challenge(tickets.PASSKEY_NEW, ticket, account.id, now=now)
    made = _verified_new(answer, challenge)
    if not 0 < len(made.credential_id) <= _LONGEST_ID:
        raise PasskeyNotTaken
    if len(of_account(account)) >= MOST:
        raise TooManyPasskeys(most=MOST)
    passkey = Passkey(
        account_id=account.id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        device=device,
        created_at=now,
    )
    db.session.add(passkey)
    try:
        db.session.flush()
    except sa.exc.IntegrityError as error:
        # Each is one account's alone. Only a made-up answer names another's.
        db.session.rollback()
        raise PasskeyNotTaken from error
    return passkey


def _verified_new(answer: str, challenge: bytes) -> "VerifiedRegistration":
    import webauthn  # lazily, see ask_for_new

    try:
        return webauthn.verify_registration_response(
            credential=answer[:LONGEST_ANSWER],
            expected_challenge=challenge,
            expected_rp_id=_host(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
    except Exception as error:  # whatever its parsers of JSON, CBOR and keys raise
        raise PasskeyNotTaken from error


# -- One that there is ----------------------------------------------------------------------


def ask(account: Account | None, *, now: datetime) -> Question:
    """Return what to ask a device for a proof.

    With an account only its passkeys are asked for, and only they answer; without, the
    person chooses on the device, and the answer tells whose it is. The caller commits.
    """
    wanted: Sequence[PublicKeyCredentialDescriptor] = ()
    if account is not None:
        with only_reading():
            wanted = _descriptions(account.id)
    # Lazily, see ask_for_new.
    import webauthn
    from webauthn.helpers import structs  # likewise

    options = webauthn.generate_authentication_options(
        rp_id=_host(),
        timeout=_PATIENCE,
        allow_credentials=list(wanted),
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    ticket = tickets.begin(tickets.PASSKEY_IN, account, now=now, challenge=options.challenge)
    return Question(webauthn.helpers.options_to_json_dict(options), ticket)


def check(ticket: str, answer: str, *, account_id: int | None, now: datetime) -> Account:
    """Return the account whose passkey answered; `account_id` is whom the ticket is for.

    Looking at the answer holds no lock. Commits that the challenge was used; the caller
    commits that the passkey was. Raises TicketUseless, PasskeyRefused.
    """
    challenge = _use_challenge(tickets.PASSKEY_IN, ticket, account_id, now=now)
    given = _read(answer)
    with only_reading():
        kept = db.session.execute(
            sa.select(Passkey.id, Passkey.account_id, Passkey.public_key, Passkey.sign_count)
            .join(Account, Account.id == Passkey.account_id)
            .where(
                Passkey.credential_id == given.raw_id,
                Account.suspended_at.is_(None),
                Account.verified_at.is_not(None),
            )
        ).one_or_none()
    if kept is None or (account_id is not None and kept.account_id != account_id):
        raise PasskeyRefused
    handle = given.response.user_handle
    if handle is not None and not hmac.compare_digest(handle, _handle(kept.account_id)):
        raise PasskeyRefused
    verified = _verified(given, challenge, kept.public_key, kept.sign_count)
    # Two copies of one passkey that count alike: only one of them gets through.
    used = db.session.execute(
        sa.update(Passkey)
        .where(Passkey.id == kept.id, Passkey.sign_count == kept.sign_count)
        .values(sign_count=verified.new_sign_count, used_at=now)
    )
    account = db.session.get(Account, kept.account_id)
    if not changed(used) or account is None:
        raise PasskeyRefused
    return account


def _read(answer: str) -> "AuthenticationCredential":
    from webauthn.helpers import parse_authentication_credential_json  # lazily, see ask_for_new

    try:
        return parse_authentication_credential_json(answer[:LONGEST_ANSWER])
    except Exception as error:  # whatever its parser raises
        raise PasskeyRefused from error


def _verified(
    given: "AuthenticationCredential", challenge: bytes, public_key: bytes, sign_count: int
) -> "VerifiedAuthentication":
    import webauthn  # lazily, see ask_for_new

    try:
        return webauthn.verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=_host(),
            expected_origin=_origin(),
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except Exception as error:  # whatever its parsers of JSON, CBOR and keys raise
        raise PasskeyRefused from error


# -- All of them ----------------------------------------------------------------------------


def of_account(account: Account) -> list[Passkey]:
    """Return the passkeys of an account, oldest first."""
    query = sa.select(Passkey).where(Passkey.account_id == account.id).order_by(Passkey.id)
    return list(db.session.scalars(query))


def has_any(account: Account) -> bool:
    """Tell whether an account has a passkey."""
    return bool(of_account(account))


def _descriptions(account_id: int) -> "list[PublicKeyCredentialDescriptor]":
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor  # lazily, see ask_for_new

    query = sa.select(Passkey.credential_id).where(Passkey.account_id == account_id)
    return [PublicKeyCredentialDescriptor(id=found) for found in db.session.scalars(query)]


def _use_challenge(purpose: str, token: str, account_id: int | None, *, now: datetime) -> bytes:
    """Consume a ticket, and return its challenge. Commits. Raises TicketUseless."""
    ticket = tickets.find(purpose, token, now=now)
    challenge, owner_id = ticket.challenge, ticket.account_id
    tickets.close(ticket)
    db.session.commit()
    if challenge is None or owner_id != account_id:
        raise tickets.TicketUseless
    return challenge
