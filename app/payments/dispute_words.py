"""Disputes in plain words: what the guest's bank says, and what helps to answer it.

The codes are Stripe's (`dispute.reason`); a code that isn't known is a general one.
"""

from typing import Final

from app.core.languages import N_, gettext

_STATES: Final = {
    "inquiry": N_("the bank asks"),
    "open": N_("open"),
    "won": N_("decided for you"),
    "lost": N_("decided for the guest"),
}
_REASONS: Final = {
    "general": N_("The bank gives no reason."),
    "fraudulent": N_("The holder of the card says that they didn’t make this payment."),
    "unrecognized": N_("The holder of the card doesn’t recognise this payment."),
    "duplicate": N_("The guest says that they paid twice."),
    "credit_not_processed": N_("The guest says that money you promised hasn’t come back."),
    "product_not_received": N_("The guest says that they didn’t get what they booked."),
    "product_unacceptable": N_("The guest says that it wasn’t as described."),
    "subscription_canceled": N_("The guest says that they had cancelled."),
    "customer_initiated": N_("The guest asked their bank to take the money back."),
    "debit_not_authorized": N_("The holder of the account says that they didn’t allow this."),
    "incorrect_account_details": N_("The details of the account were wrong."),
    "insufficient_funds": N_("There wasn’t enough money in the account."),
    "bank_cannot_process": N_("The bank couldn’t carry out the payment."),
}
_STAYED = N_(
    "The reservation with its date, what the guest agreed to, the mails you exchanged, and whether "
    "they came: a signature at arrival, a key handed over."
)
_HELPS: Final = {
    "general": _STAYED,
    "fraudulent": _STAYED,
    "unrecognized": N_(
        "The reference and the name of your place, the confirmation that the guest got, and a "
        "friendly message to the guest: many simply don’t know the name on the statement."
    ),
    "duplicate": N_("What each of the two payments was for, or the refund of one of them."),
    "credit_not_processed": N_(
        "The terms of cancellation that the guest agreed to, and the refund that you made, "
        "with its date."
    ),
    "product_not_received": _STAYED,
    "product_unacceptable": N_(
        "What your page said of the room or the tour, with pictures, and what you offered to "
        "make it good."
    ),
    "subscription_canceled": N_(
        "The terms of cancellation that the guest agreed to, and when they cancelled, or that "
        "they didn’t."
    ),
}
_PROVIDERS: Final = {"stripe": "Stripe", "demo": N_("the demo bank")}


def dispute_word(state: str) -> str:
    """Return what the state of a dispute is called."""
    return gettext(_STATES.get(state, state))


def reason_word(code: str) -> str:
    """Return why a payment is disputed, as a sentence."""
    return gettext(_REASONS.get(code, _REASONS["general"]))


def what_helps(code: str) -> str:
    """Return what to send the bank, as a sentence."""
    return gettext(_HELPS.get(code, _STAYED))


def provider_word(name: str) -> str:
    """Return what a provider is called."""
    return gettext(_PROVIDERS[name]) if name in _PROVIDERS else name
