"""What the list of reservations asks: what is personal by POST, days and states by address."""

from typing import Any

from app.booking.models import CANCELLED, CONFIRMED, HELD, RELEASED
from app.booking.shop import NothingOnOffer, shop
from app.core.languages import gettext
from app.core.languages import lazy_gettext as _l
from app.owner import words
from app.owner.reservation_words import offer_word, source_word
from app.owner.search import SOURCES, Wanted
from app.web.choice_fields import ListField
from app.web.fields import DateField, TextField
from app.web.forms import Form, QueryForm

STATUSES = (CONFIRMED, HELD, CANCELLED, RELEASED)


class FindForm(Form):
    """Find a reservation. Posted, so that no guest's name or address stands in an address."""

    wanted = TextField(
        _l("Reference, e-mail address or name"),
        required=_l("Please enter a reference, an e-mail address or a name."),
        most=254,
        why=_l(
            "The whole of it: what is sealed can only be found exactly. Of a name, capitals "
            "and spaces don’t matter; a part of it finds nothing."
        ),
        collects=(),
        autocomplete="off",
    )


class FilterForm(QueryForm):
    """Narrow the list down by what is nobody's."""

    status = ListField(_l("Status"), default="", collects=())
    arrive_from = DateField(_l("Begins from"), collects=())
    arrive_to = DateField(_l("Begins until"), collects=())
    offer = ListField(_l("Offer"), default="", collects=())
    source = ListField(_l("Came by"), default="", collects=())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        everything = ("", gettext("all"))
        self.status.choices = [everything, *((one, words.status_word(one)) for one in STATUSES)]
        self.offer.choices = [everything, *_offers()]
        self.source.choices = [everything, *((one, source_word(one)) for one in SOURCES)]

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether the list may be narrowed down so."""
        fine = super().validate(extra_validators)
        first, last = self.arrive_from.data, self.arrive_to.data
        if fine and first and last and last < first:
            self.arrive_to.errors = [gettext("Please choose a day that isn’t before the other.")]
            return False
        return fine

    def wanted(self) -> Wanted:
        """Return what is looked for, of a form that validated."""
        return Wanted(
            status=self.status.data or None,
            first=self.arrive_from.data,
            last=self.arrive_to.data,
            offer_id=int(self.offer.data) if self.offer.data else None,
            source=self.source.data or None,
        )

    def address(self) -> dict[str, str]:
        """Return what the address of another page of the same list says."""
        wanted = self.wanted()
        said = {
            "status": wanted.status,
            "arrive_from": wanted.first.isoformat() if wanted.first else None,
            "arrive_to": wanted.last.isoformat() if wanted.last else None,
            "offer": str(wanted.offer_id) if wanted.offer_id else None,
            "source": wanted.source,
        }
        return {name: value for name, value in said.items() if value}


def _offers() -> list[tuple[str, str]]:
    try:
        catalogue = shop().catalogue
    except NothingOnOffer:
        return []
    return [(str(offer.id), offer_word(offer.texts)) for offer in catalogue.offers_by_slug.values()]
