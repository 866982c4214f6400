"""What the pages of a profile ask. Nothing of it is needed but an address to write to (C07)."""

from typing import Any

from wtforms.fields.choices import SelectChoice

from app.accounts.models import Account
from app.accounts.names import MOST
from app.core.languages import BY_CODE
from app.core.languages import lazy_gettext as _l
from app.core.vault import load_address
from app.web.addresses import AddressField
from app.web.choice_fields import ListField
from app.web.fields import (
    CheckboxField,
    CountryField,
    EmailField,
    PhoneField,
    TextField,
    TitleField,
    WeChatField,
)
from app.web.forms import Form

_TEXTS = ("name", "title", "phone", "company", "wechat_id")


def _languages() -> list[SelectChoice]:
    return [
        SelectChoice(code, language.name, {"lang": language.tag})
        for code, language in BY_CODE.items()
    ]


class ProfileForm(Form):
    """Who somebody is. `country` (ISO 3166-1 alpha-2) is chosen where nothing else has been."""

    username = TextField(
        _l("User name"),
        # One letter too many is answered by what a user name is, in its own words.
        most=4 * MOST,
        autocomplete="username",
        render_kw={"autocapitalize": "none", "spellcheck": "false"},
        why=_l("Another way to say who you are when you sign in. Without it, by your address."),
        collects=("account.username",),
    )
    name = TextField(
        _l("Your name"),
        most=100,
        autocomplete="name",
        why=_l("How we greet you, and filled in when you book. Without it, you type it there."),
        collects=("person.name",),
    )
    title = TitleField(
        _l("Title"),
        why=_l("How we address you. Without it, by your name alone."),
        collects=("person.title",),
    )
    phone_country = CountryField(
        _l("Country of the number"),
        autocomplete="off",
        why=_l("So that you can leave out its code. A number with + says it by itself."),
        collects=("person.phone",),
    )
    phone = PhoneField(
        _l("Telephone"),
        country_from="phone_country",
        why=_l("Filled in when you book, for the day you arrive. Without it, we write."),
        collects=("person.phone",),
    )
    company = TextField(
        _l("Company"),
        most=100,
        autocomplete="organization",
        why=_l("For bookings on its account. Without it, your bookings are yours alone."),
        collects=("person.company",),
    )
    wechat_id = WeChatField(
        _l("WeChat ID"),
        why=_l("If you would rather hear from us there. Without it, we write e-mails."),
        collects=("person.wechat_id",),
    )
    keeps_billing = CheckboxField(_l("Keep an address for my invoices"), collects=())
    billing_address = AddressField(
        _l("Billing address"),
        name="billing",
        needed_by="keeps_billing",
        why=_l("Filled in when you ask for an invoice. Without it, you type it there."),
        collects=("person.billing_address",),
    )
    keeps_shipping = CheckboxField(_l("Keep an address for parcels"), collects=())
    shipping_address = AddressField(
        _l("Shipping address"),
        name="shipping",
        needed_by="keeps_shipping",
        why=_l("Filled in when something you book is posted. Without it, you type it there."),
        collects=("person.shipping_address",),
    )
    language = ListField(
        _l("Language of our mails"),
        choices=_languages,
        required=True,
        why=_l("For mails about your account. Pages follow your browser, and what you choose."),
        collects=("account.language",),
    )

    def __init__(self, *args: Any, country: str = "", **kwargs: Any) -> None:
        known = {"phone_country": country, **(kwargs.get("data") or {})}
        for address in ("billing_address", "shipping_address"):
            known[address] = known.get(address) or {"country": country}
        kwargs["data"] = known
        super().__init__(*args, **kwargs)

    def values(self) -> dict[str, Any]:
        """Return what was said, for a form that validated; None for what was left empty.

        Keys are username, the texts, billing_address and shipping_address (dictionaries),
        and language.
        """
        said: dict[str, Any] = {name: self[name].data or None for name in ("username", *_TEXTS)}
        said["billing_address"] = self.billing_address.data
        said["shipping_address"] = self.shipping_address.data
        said["language"] = self.language.data
        return said


def known_of(account: Account) -> dict[str, Any]:
    """Return what an account's person has said so far, as ProfileForm shows it."""
    person = account.person
    billing = load_address(person.billing_address)
    shipping = load_address(person.shipping_address)
    return {
        **{name: getattr(person, name) for name in _TEXTS},
        "username": account.username,
        "keeps_billing": billing is not None,
        "billing_address": billing,
        "keeps_shipping": shipping is not None,
        "shipping_address": shipping,
        "language": account.language,
    }


class AddressChangeForm(Form):
    """Where somebody wants to be written to from now on."""

    email = EmailField(
        _l("New e-mail address"),
        required=_l("Please enter your new e-mail address."),
        why=_l("We send a link there. Once you use it, you sign in with this address."),
        collects=("person.email", "mail_link.to"),
    )
