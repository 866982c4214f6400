"""Whom requests about their own data make known to the house, until they are answered.

Registers itself with `policy.telling`, which may not know requests.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.policy import telling
from app.privacy.models import PrivacyRequest


def current(now: datetime) -> sa.Select[Any]:
    """Select the persons whose requests aren't answered."""
    return (
        sa.select(PrivacyRequest.person_id)
        .where(PrivacyRequest.person_id.is_not(None), PrivacyRequest.answered_at.is_(None))
        .distinct()
    )


def languages(person_ids: Collection[str]) -> dict[str, str]:
    """Return nothing: who asks has an account or a booking, and that has the language."""
    return {}


telling.audience("requests", telling.Audience(current, languages))
