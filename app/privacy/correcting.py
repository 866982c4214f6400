"""Correcting what is held: in place where it stands, and told who got the old value."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from app.accounts.disclosures import Disclosed, who_got
from app.accounts.models import Person
from app.core.database import db
from app.core.datamap import Kind
from app.core.vault import dump_address, load_address
from app.privacy import requests
from app.privacy.models import CORRECT

KINDS = {
    "name": Kind.NAME,
    "title": Kind.TITLE,
    "phone": Kind.PHONE,
    "company": Kind.COMPANY,
    "wechat_id": Kind.WECHAT_ID,
    "billing_address": Kind.BILLING_ADDRESS,
    "shipping_address": Kind.SHIPPING_ADDRESS,
}
"""What a person of a booking can correct, and what kind of data each of it is.

Not the e-mail address: it is what a guest proves themselves by, and an account's is
changed by a link to the new one.
"""

_ADDRESSES = ("billing_address", "shipping_address")


def correct(person: Person, values: dict[str, Any], *, now: datetime) -> list[str]:
    """Put what a person says of themselves in the place of what was held; return what changed.

    `values` has each of KINDS; None is stored nowhere. What changed is a request that was
    answered at once. The caller commits.
    """
    changed = []
    for name in KINDS:
        if name in _ADDRESSES:
            if load_address(getattr(person, name)) == values[name]:
                continue
            setattr(person, name, dump_address(values[name]))
        else:
            if getattr(person, name) == values[name]:
                continue
            setattr(person, name, values[name])
        changed.append(name)
    if changed:
        requests.record(person.id, CORRECT, now=now, by_itself=True)
    db.session.flush()
    return changed


def who_got_old(person_id: str, names: Collection[str]) -> list[Disclosed]:
    """Return who received what was corrected, each recipient and way once."""
    found = [one for name in names if name in KINDS for one in who_got([person_id], KINDS[name])]
    return list(dict.fromkeys(found))


def known_of(person: Person) -> dict[str, Any]:
    """Return what is held of a person, as CorrectionForm shows it."""
    known: dict[str, Any] = {
        name: getattr(person, name) for name in KINDS if name not in _ADDRESSES
    }
    for name, box in (("billing_address", "keeps_billing"), ("shipping_address", "keeps_shipping")):
        address = load_address(getattr(person, name))
        known[name], known[box] = address, address is not None
    return known
