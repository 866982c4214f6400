"""What the pages of a profile ask. Nothing of it is needed but an address to write to (C07)."""

from typing import Any

from wtforms.fields.choices import SelectChoice

from app.accounts import details_fields
from app.accounts.details_fields import AskedForDetails, again
from app.accounts.models import Account
from app.accounts.names import MOST
from app.core.languages import BY_CODE
from app.core.languages import lazy_gettext as _l
from app.web.choice_fields import ListField
from app.web.fields import CheckboxField, EmailField, TextField
from app.web.forms import Form


def _languages() -> list[SelectChoice]:
    return [
        SelectChoice(code, language.name, {"lang": language.tag})
        for code, language in BY_CODE.items()
    ]


class ProfileForm(AskedForDetails, Form):
    """Who somebody is, for the bookings to come: none of it is needed."""

    username = TextField(
        _l("User name"),
        # One letter too many is answered by what a user name is, in its own words.
        most=4 * MOST,
        autocomplete="username",
        render_kw={"autocapitalize": "none", "spellcheck": "false"},
        why=_l("Another way to say who you are when you sign in. Without it, by your address."),
        collects=("account.username",),
    )
    name = again(
        AskedForDetails.name,
        required=False,
        why=_l("How we greet you, and filled in when you book. Without it, you type it there."),
    )
    phone = again(
        AskedForDetails.phone,
        why=_l("Filled in when you book, for the day you arrive. Without it, we write."),
    )
    company = again(
        AskedForDetails.company,
        why=_l("For reservations on its account. Without it, your reservations are yours alone."),
    )
    keeps_billing = CheckboxField(_l("Keep an address for my invoices"), collects=())
    billing_address = again(
        AskedForDetails.billing_address,
        why=_l("Filled in when you ask for an invoice. Without it, you type it there."),
    )
    keeps_shipping = CheckboxField(_l("Keep an address for parcels"), collects=())
    shipping_address = again(
        AskedForDetails.shipping_address,
        why=_l("Filled in when something you book is posted. Without it, you type it there."),
    )
    language = ListField(
        _l("Language of our mails"),
        choices=_languages,
        required=True,
        why=_l("For mails about your account. Pages follow your browser, and what you choose."),
        collects=("account.language",),
    )

    def values(self) -> dict[str, Any]:
        """Return what was said, for a form that validated: the details, username, language.

        None is what was left empty.
        """
        username, language = self.username.data or None, self.language.data
        return {**self.said(), "username": username, "language": language}


def known_of(account: Account) -> dict[str, Any]:
    """Return what an account's person has said so far, as ProfileForm shows it."""
    known = details_fields.known_of(account.person)
    return {**known, "username": account.username, "language": account.language}


class AddressChangeForm(Form):
    """Where somebody wants to be written to from now on."""

    email = EmailField(
        _l("New e-mail address"),
        required=_l("Please enter your new e-mail address."),
        why=_l("We send a link there. Once you use it, you sign in with this address."),
        collects=("person.email", "mail_link.to"),
    )
