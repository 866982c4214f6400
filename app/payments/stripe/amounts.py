"""Amounts as Stripe counts them: minor units, with exceptions (docs.stripe.com/currencies).

Ours have the digits that people use (see `core.money`). Stripe counts hundredths of some
currencies that have none any more: of ISK and UGX only whole ones may be charged, and of
the others nobody here asks for less than a whole one. Currencies of three decimals are
charged in tens of the smallest.
"""

from app.core.money import Money, exponent
from app.payments.provider import Declined, Rejected

_IN_HUNDREDTHS = frozenset(
    {"AFN", "ALL", "ISK", "LAK", "LBP", "MMK", "RSD", "SOS", "STD", "UGX", "YER"}
)


def to_stripe(money: Money) -> int:
    """Return an amount as Stripe wants it. Raises Declined for one that it can't take."""
    if _is_in_hundredths(money.currency):
        return money.minor * 100
    if exponent(money.currency) == 3 and money.minor % 10:
        raise Declined("amount_not_divisible")
    return money.minor


def from_stripe(amount: int, currency: str) -> Money:
    """Return what Stripe says as money of ours; `currency` as it writes it, "eur".

    Raises Rejected for a part of a unit, or for a currency, that we don't have.
    """
    currency = currency.upper()
    try:
        if not _is_in_hundredths(currency):
            return Money(amount, currency)
    except ValueError:
        raise Rejected("currency_unknown") from None
    whole, rest = divmod(amount, 100)
    if rest:
        raise Rejected("amount_not_whole")
    return Money(whole, currency)


def _is_in_hundredths(currency: str) -> bool:
    return exponent(currency) == 0 and currency in _IN_HUNDREDTHS
