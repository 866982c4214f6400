"""Correcting what is held: in place where it stands, and told who got the old value."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from app.accounts.details import DETAILS, put_details
from app.accounts.disclosures import Disclosed, who_got
from app.accounts.models import Person
from app.booking.details import index_person
from app.core.database import db
from app.guestbook.reviews import take_off_former_name
from app.privacy import requests
from app.privacy.models import CORRECT


def correct(person: Person, values: dict[str, Any], *, now: datetime) -> list[str]:
    """Put what a person says of themselves in the place of what was held; return what changed.

    `values` has each of DETAILS; None is stored nowhere. What changed is a request that was
    answered at once. The caller commits.
    """
    changed = put_details(person, values)
    if "name" in changed:
        # By the name of before nobody is found any more.
        index_person(person.id, name=person.name, email=person.email)
        db.session.flush()
        take_off_former_name(person.id, now=now)
    if changed:
        requests.record(person.id, CORRECT, now=now, by_itself=True)
    db.session.flush()
    return changed


def who_got_old(person_id: str, names: Collection[str]) -> list[Disclosed]:
    """Return who received what was corrected, each recipient and way once."""
    kinds = [DETAILS[name] for name in names if name in DETAILS]
    return list(dict.fromkeys(one for kind in kinds for one in who_got([person_id], kind)))
