"""What higher features are told of: sent inside the transaction that does it."""

from blinker import Namespace

_signals = Namespace()

reservation_cancelled = _signals.signal("reservation-cancelled")
"""sender: the Reservation; refund_minor: what is owed back, in minor units; now: the instant."""

reservation_changed = _signals.signal("reservation-changed")
"""sender: the Reservation, locked, its new total and first start set and not yet flushed;
difference_minor: by how much its total moved, in minor units; now: the instant."""
