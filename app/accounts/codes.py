"""The second factor by codes: from an app (TOTP, RFC 6238), and for the day a device is lost.

A code of the app works once, and only within its half minute or the ones beside it.
Recovery codes are kept as keyed digests, and each works once.
"""

import base64
import hmac
import secrets
from datetime import datetime
from hashlib import sha256

import pyotp
import sqlalchemy as sa
from flask import current_app

from app.accounts.models import Account, Passkey, RecoveryCode
from app.core.database import changed, db
from app.core.errors import DomainError
from app.core.languages import N_

PERIOD = 30  # seconds
DIGITS = 6
_BESIDE = 1  # steps that a clock may be wrong by, before and after (RFC 6238, 5.2)
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read as something else
_GROUP = 5


class WrongCode(DomainError):
    """Not a code of this account, or one that was used."""

    message = N_("That code isn’t right, or it was used already. Please enter the next one.")


def has_second_factor(account: Account) -> bool:
    """Tell whether a password or a mailed link alone doesn't open an account."""
    if account.totp is not None:
        return True
    query = sa.select(Passkey.id).where(Passkey.account_id == account.id).limit(1)
    return db.session.scalar(query) is not None


def secret_for(ticket: str) -> str:
    """Return the secret that a ticket for setting up codes stands for, base32 (160 bits).

    Made from the site's secret, so that it is stored nowhere until a code of it was right.
    """
    digest = hmac.digest(_secret(), f"reserved: codes\0{ticket}".encode(), sha256)
    return base64.b32encode(digest[:20]).decode()


def provisioning_uri(secret: str, *, account: str, issuer: str) -> str:
    """Return what the picture for an authenticator app says."""
    return pyotp.TOTP(secret, digits=DIGITS, interval=PERIOD).provisioning_uri(
        name=account, issuer_name=issuer
    )


def step_of(secret: str, code: str, *, now: datetime) -> int:
    """Return the step whose code was given. Raises WrongCode."""
    given = "".join(code.split())
    present = int(now.timestamp()) // PERIOD
    totp = pyotp.TOTP(secret, digits=DIGITS, interval=PERIOD)
    found = [
        step
        for step in range(present - _BESIDE, present + _BESIDE + 1)
        if hmac.compare_digest(totp.generate_otp(step).encode(), given.encode())
    ]
    if not found:
        raise WrongCode
    return found[-1]


def turn_on(account: Account, secret: str, code: str, *, now: datetime) -> None:
    """Start asking for codes of `secret`, once one of them was right.

    Raises WrongCode. The caller commits.
    """
    account.totp_step = step_of(secret, code, now=now)
    account.totp = secret
    account.totp_at = now


def turn_off(account: Account) -> None:
    """Stop asking for the app's codes. The caller commits."""
    account.totp = account.totp_at = account.totp_step = None


def drop_recovery_codes(account: Account) -> None:
    """Delete the recovery codes, which stand for a second factor that is no more."""
    db.session.execute(sa.delete(RecoveryCode).where(RecoveryCode.account_id == account.id))


def use_code(account: Account, code: str, *, now: datetime) -> bool:
    """Accept a code of the app or a recovery code, and never again. The caller commits.

    Returns whether it was a recovery code. Of two who bring the same code at once only
    one succeeds. Raises WrongCode.
    """
    given = "".join(code.split())
    recovery = not (given.isascii() and given.isdecimal() and len(given) == DIGITS)
    if not recovery:
        secret = account.totp
        if secret is None:
            raise WrongCode
        step = step_of(secret, given, now=now)
        used = db.session.execute(
            sa.update(Account)
            .where(
                Account.id == account.id,
                sa.or_(Account.totp_step.is_(None), Account.totp_step < step),
            )
            .values(totp_step=step)
        )
    else:
        used = db.session.execute(
            sa.update(RecoveryCode)
            .where(
                RecoveryCode.account_id == account.id,
                RecoveryCode.digest == _digest(account, given),
                RecoveryCode.used_at.is_(None),
            )
            .values(used_at=now)
        )
    if not changed(used):
        raise WrongCode
    return recovery


def new_recovery_codes(account: Account) -> list[str]:
    """Replace the recovery codes and return the new ones ("xxxxx-xxxxx"). The caller commits."""
    drop_recovery_codes(account)
    codes = [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(2))
        for _ in range(RECOVERY_CODES)
    ]
    db.session.add_all(
        RecoveryCode(account_id=account.id, digest=_digest(account, code)) for code in codes
    )
    return codes


def codes_left(account: Account) -> int:
    """Return how many recovery codes weren't used yet."""
    query = sa.select(sa.func.count()).where(
        RecoveryCode.account_id == account.id, RecoveryCode.used_at.is_(None)
    )
    return int(db.session.scalar(query) or 0)


def _digest(account: Account, code: str) -> bytes:
    plain = "".join(sign for sign in code.casefold() if sign.isalnum())
    return hmac.digest(
        _secret(), f"reserved: recovery code\0{account.id}\0{plain}".encode(), sha256
    )


def _secret() -> bytes:
    secret: bytes = current_app.extensions["settings"].secret_key
    return secret
