"""What a person is asked of themselves, once for every page that asks it.

The words are those of a booking. A form that asks for another reason says so with
`again`; what it doesn't ask at all, it sets to None.
"""

from copy import copy
from typing import Any

from app.accounts.details import DETAILS, said_by
from app.accounts.models import Person
from app.core.languages import lazy_gettext as _l
from app.web.addresses import AddressField
from app.web.fields import CountryField, EmailField, PhoneField, TextField, TitleField, WeChatField


def again(question: Any, **differently: Any) -> Any:
    """Return a field of another form with other words, at the place where it stood."""
    asked = copy(question)
    asked.kwargs = {**question.kwargs, **differently}
    return asked


class AskedForName:
    """Who it is."""

    name: Any = TextField(
        _l("Your name"),
        required=_l("Please enter your name."),
        most=100,
        autocomplete="name",
        why=_l("It is on your reservation, and how we greet you."),
        collects=("person.name",),
    )


class AskedForEmail:
    """Where to write to."""

    email: Any = EmailField(
        _l("E-mail"),
        required=_l("Please enter your e-mail address."),
        why=_l("Your confirmation goes there, and whatever changes about your reservation."),
        collects=("person.email",),
    )


class AskedForDetails(AskedForName):
    """Who somebody is. `country` (ISO 3166-1 alpha-2) is chosen where nothing else has been."""

    phone_country: Any = CountryField(
        _l("Country of the number"),
        autocomplete="off",
        why=_l("So that you can leave out its code. A number with + says it by itself."),
        collects=("person.phone",),
    )
    phone: Any = PhoneField(
        _l("Telephone"),
        country_from="phone_country",
        why=_l("For the day you arrive, should something come up. Without it, we write."),
        collects=("person.phone",),
    )
    title: Any = TitleField(
        _l("Title"),
        why=_l("How we address you. Without it, by your name alone."),
        collects=("person.title",),
    )
    company: Any = TextField(
        _l("Company"),
        most=100,
        autocomplete="organization",
        why=_l("For a reservation on its account. Without it, the reservation is yours alone."),
        collects=("person.company",),
    )
    wechat_id: Any = WeChatField(
        _l("WeChat ID"),
        why=_l("If you would rather hear from us there. Without it, we write e-mails."),
        collects=("person.wechat_id",),
    )
    billing_address: Any = AddressField(
        _l("Billing address"),
        name="billing",
        needed_by="keeps_billing",
        why=_l("Only for the invoice. Without it, you get a receipt that has no address on it."),
        collects=("person.billing_address",),
    )
    shipping_address: Any = AddressField(
        _l("Shipping address"),
        name="shipping",
        needed_by="keeps_shipping",
        why=_l("Something you chose is posted there. Without it, it can’t be."),
        collects=("person.shipping_address",),
    )

    def __init__(self, *args: Any, country: str = "", **kwargs: Any) -> None:
        known = {"phone_country": country, **(kwargs.get("data") or {})}
        for address in ("billing_address", "shipping_address"):
            known[address] = known.get(address) or {"country": country}
        kwargs["data"] = known
        super().__init__(*args, **kwargs)

    def said(self) -> dict[str, Any]:
        """Return each of DETAILS that was said, of a form that validated.

        A telephone number is in E.164, an address a dictionary; None is what was left empty,
        or isn't asked.
        """
        fields = {name: getattr(self, name) for name in DETAILS}
        return {name: (field and field.data) or None for name, field in fields.items()}


def known_of(person: Person) -> dict[str, Any]:
    """Return what a person has said so far, as such forms show it; e-mail is theirs to add."""
    said = said_by(person)
    return {
        **said,
        "keeps_billing": said["billing_address"] is not None,
        "keeps_shipping": said["shipping_address"] is not None,
    }
