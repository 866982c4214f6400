"""What higher features are told of: sent inside the transaction that does it."""

from blinker import Namespace

_signals = Namespace()

reservation_cancelled = _signals.signal("reservation-cancelled")
"""sender: the Reservation; refund_minor: what is owed back, in minor units; now: the instant."""
