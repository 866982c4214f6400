"""The states of attempts and refunds, and the only ways from one to the next.

Snapshots arrive late, twice and out of order, so every move is checked here: a state is
only ever left in the direction of time. `unknown` is a flag beside the state, and what
was refunded or disputed is a sum of rows: neither is a state.
"""

from typing import Final, Literal

PaymentState = Literal[
    "created", "pending", "processing", "authorised", "paid", "expired", "cancelled",
    "failed", "voided", "lapsed", "review",
]  # fmt: skip
DisputeState = Literal["inquiry", "open", "won", "lost"]
RefundState = Literal["requested", "pending", "succeeded", "failed", "cancelled"]

CREATED: Final = "created"  # the row is there, the provider may not know of it yet
PENDING: Final = "pending"  # the guest is, or may be, on the provider's page; also of refunds
PROCESSING: Final = "processing"  # the guest has done their part, the money is on its way
AUTHORISED: Final = "authorised"  # promised by the card's bank, not taken
PAID: Final = "paid"
EXPIRED: Final = "expired"
CANCELLED: Final = "cancelled"
FAILED: Final = "failed"
VOIDED: Final = "voided"
LAPSED: Final = "lapsed"
REVIEW: Final = "review"  # money or identity doesn't match: a person decides

REQUESTED: Final = "requested"  # the row is there, the provider may not know of it yet
SUCCEEDED: Final = "succeeded"

PAYMENT_STATES: Final[tuple[PaymentState, ...]] = (
    CREATED, PENDING, PROCESSING, AUTHORISED, PAID, EXPIRED, CANCELLED, FAILED, VOIDED,
    LAPSED, REVIEW,
)  # fmt: skip
OPEN: Final[tuple[PaymentState, ...]] = (CREATED, PENDING, PROCESSING, AUTHORISED)

_ENDS: Final = frozenset({PAID, EXPIRED, CANCELLED, FAILED})
# Money that is there is never ignored: every end but "paid" itself may still become "paid".
_MOVES: Final[dict[str, frozenset[str]]] = {
    CREATED: _ENDS | {PENDING, PROCESSING, AUTHORISED},
    PENDING: _ENDS | {PROCESSING, AUTHORISED},
    PROCESSING: frozenset({PAID, FAILED}),
    AUTHORISED: frozenset({PAID, VOIDED, LAPSED}),
    EXPIRED: frozenset({PAID}),
    CANCELLED: frozenset({PAID}),
    FAILED: frozenset({PAID}),
    VOIDED: frozenset({PAID}),
    LAPSED: frozenset({PAID}),
    PAID: frozenset(),
    REVIEW: frozenset(),
}

REFUND_STATES: Final[tuple[RefundState, ...]] = (
    REQUESTED, PENDING, SUCCEEDED, FAILED, CANCELLED,
)  # fmt: skip
# These count against what may still be refunded: the money has left, or may have.
CLAIMING: Final[tuple[RefundState, ...]] = (REQUESTED, PENDING, SUCCEEDED)

_REFUND_MOVES: Final[dict[str, frozenset[str]]] = {
    REQUESTED: frozenset({PENDING, SUCCEEDED, FAILED, CANCELLED}),
    PENDING: frozenset({SUCCEEDED, FAILED, CANCELLED}),
    SUCCEEDED: frozenset({FAILED}),  # weeks later, when the guest's bank sends it back
    FAILED: frozenset(),
    CANCELLED: frozenset(),
}


DISPUTE_STATES: Final[tuple[DisputeState, ...]] = ("inquiry", "open", "won", "lost")


def may_move(here: str, there: str) -> bool:
    """Whether an attempt may go from one state to another."""
    return there in _MOVES[here]


def refund_may_move(here: str, there: str) -> bool:
    """Whether a refund may go from one state to another."""
    return there in _REFUND_MOVES[here]
