"""The collection points: every place where something is asked, derived from the forms (C01).

A form says of each field why it is asked and where its answer goes; here stands only which
page a form is on. A test walks every form of the site and fails on one that isn't here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import current_app

from app.consent.words import page_word
from app.core.database import Base, KeysBase
from app.core.datamap import Kind, personal_columns
from app.core.languages import N_, gettext
from app.privacy.controls import address_of
from app.privacy.words import kind_word
from app.web.addresses import AddressField
from app.web.forms import Form, Question, all_forms

_HOUSE: Final = "app.owner."
"""Where the forms are that only those who run the house fill in."""

PAGES: Final[Mapping[str, str]] = {
    "app.booking.forms.DetailsForm": "booking.checkout",
    "app.booking.forms.SearchForm": "booking.search",
    "app.booking.forms.SessionForm": "booking.offer",
    "app.booking.forms.StayForm": "booking.offer",
    "app.payments.claim_routes.CheckForm": "claims.check",
    "app.payments.forms.PayForm": "payments.pay",
    "app.payments.invoice_routes.InvoiceForm": "invoices.receipt",
    "app.guestbook.arrival_forms.WishesForm": "arrival.wishes",
    "app.guestbook.forms.MessageForm": "guestbook.thread",
    "app.guestbook.reviews_forms.AgreeForm": "reviews.look",
    "app.guestbook.reviews_forms.ReviewForm": "reviews.write",
    "app.guestbook.surveys_routes.SurveyForm": "surveys.show",
    "app.consent.preferences_routes.PreferencesForm": "consent_preferences.preferences",
    "app.accounts.forms.CodeForm": "accounts.second_step",
    "app.accounts.forms.ConfirmForm": "accounts.confirm",
    "app.accounts.forms.InvitedForm": "accounts.invited",
    "app.accounts.forms.OpenForm": "accounts.verify",
    "app.accounts.forms.RegisterForm": "accounts.register",
    "app.accounts.forms.SignInForm": "accounts.sign_in",
    "app.accounts.forms.WayInForm": "accounts.way_in",
    "app.accounts.profile_forms.AddressChangeForm": "accounts.change_email",
    "app.accounts.profile_forms.ProfileForm": "accounts.profile",
    "app.accounts.security_forms.FirstCodeForm": "accounts.codes",
    "app.accounts.security_forms.NewPasswordForm": "accounts.change_password",
    "app.privacy.routes.details.CorrectionForm": "privacy.details",
    "app.privacy.routes.erase.EraseForm": "privacy.erase",
    "app.privacy.routes.guests.MailedCodeForm": "privacy.guest",
    "app.privacy.routes.limits.LimitsForm": "privacy.limits",
    "app.privacy.routes.requests.RequestForm": "privacy.requests",
}
"""The page that each form of a visitor's stands on, by the form's module and name, in the
order in which one meets them."""

SHARED: Final[Mapping[str, str]] = {
    "app.booking.forms.SessionForm": N_("Seats on a tour"),
    "app.booking.forms.StayForm": N_("Nights in a room"),
    "app.guestbook.reviews_forms.AgreeForm": N_("Agreeing to a review"),
    "app.accounts.forms.CodeForm": N_("A code to sign in"),
    "app.accounts.forms.OpenForm": N_("The link that opens an account"),
    "app.accounts.security_forms.FirstCodeForm": N_("An app for codes"),
    "app.accounts.security_forms.NewPasswordForm": N_("A new password"),
    "app.privacy.routes.details.CorrectionForm": N_("Correcting your data"),
    "app.privacy.routes.guests.MailedCodeForm": N_("A code to see your data"),
}
"""What a form is called whose page has the name of another: a list needs one for each."""

HOUSE: Final[Mapping[str, str]] = {
    "app.owner.by_phone_forms.PhoneDetailsForm": N_("A reservation by telephone"),
    "app.owner.guests_export_routes.ExportForm": N_("Making a list of guests"),
    "app.owner.guests_routes.RevealForm": N_("Opening one detail of a guest"),
    "app.owner.payments_ask_routes.AskForm": N_("Asking for a sum"),
    "app.owner.payments_failed_routes.MadeGoodForm": N_("Giving money back in another way"),
    "app.owner.payments_routes.RefundForm": N_("Giving money back"),
    "app.owner.people_routes.InviteForm": N_("Inviting somebody to help"),
    "app.owner.reviews_routes.AnswerForm": N_("Answering a review"),
    "app.owner.requests_routes.AnswerForm": N_("Answering a request"),
    "app.owner.requests_routes.EnterForm": N_("Writing down a request"),
    "app.owner.requests_routes.ExtendForm": N_("Taking more time for a request"),
}
"""What those who run the house do in each form of theirs that takes something about a person."""

WITHOUT_FORM: Final = (
    (
        N_("Your answer about cookies"),
        N_("what you chose, with a random number for the proof"),
        "C09",
    ),
    (
        N_("Pages and clicks"),
        N_("only after a yes to statistics: page, kind of device, family of browser"),
        "C09",
    ),
    (N_("Offers that you look at"), N_("only after a yes to suggestions"), "C18"),
    (N_("Signing in"), N_("when, and with what family of browser and system"), "C17"),
    (N_("Many tries from one network"), N_("a number in its place, another each day"), "C17"),
    (
        N_("The payment provider’s answer"),
        N_("the amount, the provider’s number for it, the kind of card and its last four digits"),
        "C03",
    ),
    (
        N_("A telephone call, a letter, a visit"),
        N_("what you tell us for your reservation; it is entered by hand, into the fields below"),
        "C16",
    ),
    (
        N_("Notices on a device"),
        N_("your browser’s address with its maker’s push service, and keys to write to it"),
        "C13",
    ),
    (
        N_("What you allow, or say no to"),
        N_("to whom or what, when, and when you took it back"),
        "C21",
    ),
    (N_("What we tell you, or show you of a new version"), N_("that we did, when, and how"), "C25"),
    (
        N_("Something that went wrong"),
        N_("that it concerned you, and with which kinds of your data"),
        "C15",
    ),
)
"""What is collected where nothing is typed: what, which data, under which clause."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One field as the page shows it, in the current language."""

    label: str
    why: str
    required: bool
    kinds: tuple[str, ...]  # which kinds of data it is; none: nothing about you is kept of it


@dataclass(frozen=True, slots=True)
class Point:
    """One form: the page that it is on, and what it asks."""

    name: str  # of the form, with its module
    page: str  # what the page is called, or the form where a page has several
    url: str  # "" where it belongs to one booking, or one link
    fields: tuple[Asked, ...]


def form_name(form: type[Form]) -> str:
    """Return a form's module and name, as PAGES has it."""
    return f"{form.__module__}.{form.__name__}"


def is_of_house(form: type[Form]) -> bool:
    """Tell whether only those who run the house fill a form in."""
    return form.__module__.startswith(_HOUSE)


def points() -> list[Point]:
    """Return every form that a visitor fills in, as PAGES orders them; none is left out."""
    kinds = _kinds()
    found = [
        _point(form, kinds) for form in all_forms() if form.questions() and not is_of_house(form)
    ]
    order = {name: place for place, name in enumerate(PAGES)}
    return sorted(found, key=lambda point: (order.get(point.name, len(order)), point.name))


def points_of_house() -> list[Point]:
    """Return the forms by which those who run the house enter something about a guest."""
    kinds = _kinds()
    found = [_point(form, kinds) for form in all_forms() if is_of_house(form)]
    personal = [
        Point(one.name, one.page, "", tuple(field for field in one.fields if field.kinds))
        for one in found
    ]
    return [one for one in personal if one.fields]


def count() -> tuple[int, int]:
    """Return how many forms visitors are shown, and how many fields of them hold personal data."""
    shown = points()
    return len(shown), sum(1 for one in shown for field in one.fields if field.kinds)


def _point(form: type[Form], kinds: Mapping[str, Kind]) -> Point:
    name = form_name(form)
    endpoint = PAGES.get(name, "")
    # One that nobody named, which a test refuses, is still not left out.
    own = HOUSE.get(name) or SHARED.get(name)
    said = gettext(own) if own else page_word(_rule(endpoint)) if endpoint else form.__name__
    return Point(
        name,
        said,
        address_of(endpoint) if endpoint else "",
        tuple(_asked(form, question, kinds) for question in form.questions()),
    )


def _asked(form: type[Form], question: Question, kinds: Mapping[str, Kind]) -> Asked:
    held = dict.fromkeys(kind_word(kinds[path]) for path in question.collects or ())
    return Asked(
        label=str(question.label) or question.name.replace("_", " ").capitalize(),
        why=str(question.why),
        required=_is_required(form, question),
        kinds=tuple(held),
    )


def _is_required(form: type[Form], question: Question) -> bool:
    unbound: Any = getattr(form, question.name)
    if issubclass(unbound.field_class, AddressField):
        return False  # each is behind a box that may stay empty, or comes with what is posted
    return bool(unbound.kwargs.get("required"))


def _kinds() -> dict[str, Kind]:
    return {
        f"{column.table.name}.{column.name}": declared.kind
        for column, declared in personal_columns(Base.metadata, KeysBase.metadata)
    }


def _rule(endpoint: str) -> str:
    rules = current_app.url_map.iter_rules(endpoint)
    return min((rule.rule for rule in rules if "GET" in (rule.methods or ())), key=len)


def without_form() -> Iterator[tuple[str, str, str]]:
    """Yield what is collected where nothing is typed, in the current language, with its clause."""
    for what, which, clause in WITHOUT_FORM:
        yield gettext(what), gettext(which), clause
