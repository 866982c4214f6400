"""What a mismatch says, and what to do about it, by its name."""

from typing import Final, NamedTuple

from app.core.languages import N_


class Said(NamedTuple):
    """Two sentences, marked for translation."""

    what: str
    do: str


_LOOK = N_(
    "Press “Look again at the provider” at the payment. If it stays in this list, compare with "
    "the provider’s own pages, and tell whoever looks after this site."
)

WORDS: Final[dict[str, Said]] = {
    "review": Said(
        N_("A payment came that doesn’t match what was asked for."),
        N_("See at the provider who paid it and for what. If it isn’t owed to you, send it back."),
    ),
    "dispute_open": Said(
        N_("A guest’s bank has taken a payment back until a dispute is decided."),
        N_("Answer the dispute at the provider in time."),
    ),
    "dispute_inquiry": Said(
        N_("A guest’s bank asks about a payment."),
        N_("Answer at the provider in time, or give the money back: then it ends here."),
    ),
    "ledger": Said(
        N_("The ledger doesn’t say what the payment, its refunds and disputes say."),
        _LOOK,
    ),
    "paid_not_firm": Said(
        N_("Somebody paid, and has no reservation for it."),
        N_("Give the money back, or write to the guest and book anew for them."),
    ),
    "paid_differs": Said(
        N_("What counts as paid for a reservation isn’t what its payments brought."),
        _LOOK,
    ),
    "firm_unpaid": Said(
        N_("A reservation is confirmed, and less was paid for it than it takes."),
        N_("Ask the guest for the rest, or leave it if you have agreed on something else."),
    ),
    "less_than_promised": Said(
        N_("A cancelled reservation got back less than was promised."),
        N_("Give the rest back on the page of the reservation."),
    ),
    "all_back_but_firm": Said(
        N_("All of a payment was sent back at the provider, and its reservation still stands."),
        N_("If the guest won’t come, cancel the reservation, so that its places are free again."),
    ),
    "refund_failed": Said(
        N_("A refund didn’t get through."),
        N_("Ask the guest for another way. Give the money back again from the payment’s page, or "
           "note there that you gave it back yourself."),
    ),
    "refund_stuck": Said(
        N_("A refund has been on its way for too long."),
        N_("Look at the provider what it waits for: often there isn’t enough money there."),
    ),
    "balance_overdue": Said(
        N_("The rest of a reservation wasn’t paid in time."),
        N_("Write to the guest; the link for paying is in their confirmation."),
    ),
    "attempt_open": Said(
        N_("An attempt to pay is open long after its end."),
        _LOOK,
    ),
    "unanswered": Said(
        N_("The provider never answered whether a payment was begun."),
        _LOOK,
    ),
    "notice_unknown": Said(
        N_("The provider told of payments that nobody here knows."),
        N_("Nothing, if something else uses the same account there; else tell whoever looks "
           "after this site."),
    ),
    "places": Said(
        N_("More or fewer places are counted as taken than reservations take."),
        N_("Tell whoever looks after this site, with the number and the time in this line."),
    ),
    "provider_differs": Said(
        N_("The provider says something else of a payment than we do."),
        _LOOK,
    ),
    "provider_unknown": Said(
        N_("The provider doesn’t know a payment of ours."),
        N_("See whether the keys of another account are in use: ask whoever looks after this "
           "site."),
    ),
    "provider_silent": Said(
        N_("The provider couldn’t be asked."),
        N_("Try again later."),
    ),
}  # fmt: skip
