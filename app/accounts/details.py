"""What a person may say of themselves: listed once, for profiles, bookings and corrections."""

from typing import Any

from app.accounts.models import Person
from app.core.datamap import Kind
from app.core.vault import dump_address, load_address

TEXTS = {
    "name": Kind.NAME,
    "title": Kind.TITLE,
    "phone": Kind.PHONE,
    "company": Kind.COMPANY,
    "wechat_id": Kind.WECHAT_ID,
}
ADDRESSES = {
    "billing_address": Kind.BILLING_ADDRESS,
    "shipping_address": Kind.SHIPPING_ADDRESS,
}
DETAILS = {**TEXTS, **ADDRESSES}
"""What kind of data each of it is.

Not the e-mail address: it is what somebody proves themselves by, and has ways of its own.
"""


def said_by(person: Person) -> dict[str, Any]:
    """Return all that is held of it, by name: texts, addresses as dictionaries, or None."""
    said: dict[str, Any] = {name: getattr(person, name) for name in TEXTS}
    return said | {name: load_address(getattr(person, name)) for name in ADDRESSES}


def put_details(person: Person, values: dict[str, Any]) -> list[str]:
    """Put what was said in the place of what was held; return the names of what changed.

    `values` has each of DETAILS, an address as a dictionary; None is stored nowhere.
    """
    changed = [name for name, held in said_by(person).items() if held != values[name]]
    for name in changed:
        value = dump_address(values[name]) if name in ADDRESSES else values[name]
        setattr(person, name, value)
    return changed
