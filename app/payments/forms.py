"""What a guest is asked before they go to pay: nothing, or how."""

from typing import Any

from app.booking import wording
from app.booking.models import Reservation
from app.booking.shop import shop
from app.core.languages import gettext
from app.core.languages import lazy_gettext as _l
from app.payments.models import DEPOSIT, FULL
from app.payments.plan import Choice, Deposit
from app.web.choice_fields import ChoiceField
from app.web.fields import CheckboxField
from app.web.forms import Form
from app.web.pages import money


class PayForm(Form):
    """How to pay; a single button where there is nothing to choose."""

    part = ChoiceField(
        _l("How would you like to pay?"),
        required=_l("Please choose how you would like to pay."),
        why=_l("It says what is paid now. What is left is paid later, by the day that we name."),
        collects=(),
        choices=(),
        default=FULL,
    )
    keep = CheckboxField(
        _l("Keep my card for the balance"),
        why=_l(
            "Our payment service keeps the card until the balance is paid. "
            "Without it, we send you a link."
        ),
        collects=("saved_means.customer", "saved_means.method", "saved_means.hint"),
    )

    def __init__(
        self, *args: Any, deposit: Deposit | None, reservation: Reservation, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.deposit = deposit
        if deposit is None or not deposit.may_keep:
            del self.keep
        if deposit is None:
            # Not shown. Who chose a deposit while it was offered is told that it isn't.
            self.part.choices = [(FULL, ""), (DEPOSIT, "")]
            return
        total, minor, rest = (
            money(amount, reservation.currency)
            for amount in (reservation.total_minor, deposit.minor, deposit.balance_minor)
        )
        day = wording.long_day(deposit.due_at.astimezone(shop().venue.zone).date())
        later = gettext(
            "A deposit now: %(amount)s, and %(rest)s by %(day)s", amount=minor, rest=rest, day=day
        )
        self.part.choices = [
            (FULL, gettext("All of it now: %(total)s", total=total)),
            (DEPOSIT, later),
        ]

    def choice(self) -> Choice:
        """Return what was chosen, once it was checked."""
        return Choice(self.part.data, keep="keep" in self and bool(self.keep.data))
