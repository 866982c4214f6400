"""What a closing says to everybody: lines on every page, mails and messages that are pushed."""

from app.core.languages import N_
from app.policy import announcing, telling

CLOSING = announcing.kind(
    "closing",
    N_(
        "We close for good: our last day is %(day)s. "
        "Your data can be taken along until %(downloads)s."
    ),
    gravity=announcing.GRAVE,
)
MOVING_ON = announcing.kind(
    "closed",
    N_("We have closed; our last day was %(day)s. Take your data along until %(downloads)s."),
    gravity=announcing.GRAVE,
)

ANNOUNCED = telling.matter(
    "closing",
    subject=N_("We close on %(day)s"),
    template="mail/closing_announced.txt",
    push=N_("We close for good on %(day)s. What this means for your reservations and your data."),
)
MOVED = telling.matter(
    "closing-moved",
    subject=N_("We stay open longer, until %(day)s"),
    template="mail/closing_moved.txt",
    push=N_("The days of our closing have moved: the last one is now %(day)s."),
)
STAYS_OPEN = telling.matter(
    "closing-stopped",
    subject=N_("We stay open after all"),
    template="mail/closing_stopped.txt",
    push=N_("We stay open after all: our closing is called off."),
)
ENDED = telling.matter(
    "closing-ended",
    subject=N_("We have closed: take your data along until %(downloads)s"),
    template="mail/closing_ended.txt",
    push=N_("We have closed. Your data can be taken along until %(downloads)s."),
)

LETTERS = (ANNOUNCED, ENDED, MOVED, STAYS_OPEN)
"""What may be told of a closing, in the order in which an owner is shown it."""
