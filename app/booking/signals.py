"""What higher features are told of: sent inside the transaction that does it."""

from blinker import Namespace

_signals = Namespace()

reservation_cancelled = _signals.signal("reservation-cancelled")
"""sender: the Reservation; refund_minor: what is owed back, in minor units; now: the instant."""

reservation_changed = _signals.signal("reservation-changed")
"""sender: the Reservation, locked, its new total and first start set and not yet flushed;
difference_minor: by how much its total moved, in minor units; now: the instant."""

address_changed = _signals.signal("address-changed")
"""sender: the Person of a booking that got another e-mail address, or lost it; now: the instant."""
