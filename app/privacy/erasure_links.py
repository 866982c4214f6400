"""The address of an erasure's page: a token that nobody can guess, stored nowhere."""

import base64
import hmac
from hashlib import sha256

import sqlalchemy as sa

from app.core.database import db
from app.core.tokens import digest_of_token
from app.privacy.models import Erasure
from app.web.pages import outside_url, settings

_LONGEST_TOKEN = 60  # ours has 43


def token_of(erasure: Erasure) -> str:
    """Return the token of an erasure's page, 256 bits; only until it is done.

    Made from the site's secret and the person's random number, so that a mail that is sent
    twice has the same. Once that number is forgotten, nobody can make it again.
    """
    told = f"{erasure.person_ids[0]}\0{erasure.asked_at.timestamp():.6f}"
    made = hmac.digest(
        settings().secret_key, f"reserved: page of an erasure\0{told}".encode(), sha256
    )
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def by_token(token: str) -> Erasure | None:
    """Return the erasure whose page a token opens."""
    if len(token) > _LONGEST_TOKEN:
        return None
    mark = digest_of_token(token)
    return db.session.scalar(sa.select(Erasure).where(Erasure.link_digest == mark))


def address_of(erasure: Erasure) -> str:
    """Return the whole address of an erasure's page, as a mail shows it."""
    return outside_url("privacy.erasure", token=token_of(erasure), lang=erasure.language)
