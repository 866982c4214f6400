"""Checking a request for money: what a guest really owes, told to whoever proves to be them.

The trade's worst fraud uses stolen booking data to ask guests for "payments".
A guest who got such a request finds out here, with the reference and the
e-mail address they booked with; both must fit, and one that doesn't is
answered like a booking that never was.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from app.booking.models import CONFIRMED, HELD, RELEASED, Reservation
from app.booking.reservations import is_held
from app.core.database import db
from app.core.datamap import Kind
from app.core.limits import Limit
from app.core.vault import vault
from app.payments.attempts import newest_attempt
from app.payments.balances import standing
from app.payments.due import due_now
from app.payments.states import AUTHORISED, PAID, PROCESSING

CHECKING = Limit("check-request", burst=10, per_hour=20)

State = Literal["owed", "balance", "coming", "settled", "nothing"]


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed for a reservation, in minor units of its currency, and until when.

    `charged`: a kept card is charged for it, so nobody will ask for it.
    """

    state: State
    reference: str
    minor: int
    currency: str
    until: datetime | None
    charged: bool = False


def what_is_owed(reference: str, email: str, *, now: datetime) -> Owed | None:
    """Return what is owed for the reservation with that reference and e-mail address.

    None where the two don't belong together, or there is no such reservation:
    nobody learns here which of the two is wrong.
    """
    people = vault().find(Kind.EMAIL, email.strip())
    wanted = reference.upper().replace(" ", "")[:12]
    found = db.session.scalar(sa.select(Reservation).where(Reservation.reference == wanted))
    if found is None or found.person_id is None or found.person_id not in people:
        return None
    attempt = newest_attempt(found.id)
    unpaid = found.status in (HELD, RELEASED)
    if unpaid and attempt and attempt.state in (PROCESSING, AUTHORISED, PAID):
        return Owed("coming", wanted, 0, found.currency, None)
    if is_held(found, now=now):
        _, minor = due_now(found)
        return Owed("owed", wanted, minor, found.currency, found.held_until)
    stands = standing(found, now=now)
    if stands.coming:
        return Owed("coming", wanted, 0, found.currency, None)
    if stands.owed_minor:
        charged, minor = stands.card is not None, stands.owed_minor
        return Owed("balance", wanted, minor, found.currency, stands.until, charged)
    state: State = "settled" if found.status == CONFIRMED else "nothing"
    return Owed(state, wanted, 0, found.currency, None)
