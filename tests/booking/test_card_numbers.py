"""A card number typed into any field is refused, stored nowhere, and never shown again (C03)."""

from urllib.parse import urlencode

import pytest

from app.accounts.forms import (
    CodeForm,
    ConfirmForm,
    InvitedForm,
    OpenForm,
    RegisterForm,
    SignInForm,
    WayInForm,
)
from app.accounts.profile_forms import AddressChangeForm, ProfileForm
from app.accounts.security_forms import FirstCodeForm, NewPasswordForm, PasskeyForm
from app.booking.forms import CancelForm, DetailsForm, SearchForm, SessionForm, StayForm
from app.consent.preferences_routes import PreferencesForm
from app.guestbook.arrival_forms import RemindersForm, WishesForm
from app.guestbook.forms import MessageForm
from app.guestbook.reviews_forms import AgreeForm, ReviewForm
from app.guestbook.surveys_routes import SurveyForm
from app.payments.claim_routes import CheckForm
from app.payments.forms import PayForm
from app.payments.invoice_routes import InvoiceForm
from app.policy.push_routes import SubscriptionForm
from app.privacy.routes.details import CorrectionForm
from app.privacy.routes.erase import EraseForm
from app.privacy.routes.guests import MailedCodeForm
from app.privacy.routes.limits import LimitsForm
from app.privacy.routes.requests import RequestForm
from app.web.forms import EmptyForm, QueryForm, all_forms
from tests.booking.test_bad_input import GOOD_STAY, STAY, WIDE
from tests.house.canaries import found_under
from tests.house.routes import lead_somewhere
from tests.house.visitor import EMAIL, NAME

CARDS = ("4111 1111 1111 1111", "5555555555554444".translate(WIDE))
# Behind a session, a link and a mailed code, or a stay that has begun: see their own tests.
# Those of the house are behind a session all together.
BEHIND = {
    *(ProfileForm, AddressChangeForm, NewPasswordForm, FirstCodeForm, PasskeyForm),
    *(CorrectionForm, LimitsForm, MailedCodeForm, RequestForm, EraseForm, SurveyForm),
    *(ReviewForm, AgreeForm),
}
STEPS = {CodeForm, ConfirmForm, InvitedForm, OpenForm}  # behind a ticket, a session, a link


def receipt_of(reservation):
    """Return the address of a reservation's receipt."""
    return reservation.form("/cancel").url.replace("/cancel", "/receipt")


def held_by(visitor):
    """Return the page on which a hold of theirs is paid."""
    return visitor.tell(visitor.hold(visitor.choose_stay()))


def doors_of(place, visitor):
    """Return every form that a visitor can reach: how it is sent, where to, and what is right."""
    _values, reservation = lead_somewhere(place, visitor)
    parcel = visitor.choose_stay("lagoon-suite", extra__sea__buckthorn__parcel="1")
    checkout = visitor.hold(parcel)
    checkout = visitor.send(checkout.form(), wants_invoice="y")
    return {
        SearchForm: ("GET", "/search", {}),
        StayForm: ("POST", STAY, GOOD_STAY),
        SessionForm: ("POST", "/offers/sauna/session", {"starts_at": "2031-05-06T15:00:00+00:00"}),
        DetailsForm: (
            "POST",
            checkout.url,
            {**checkout.form().values, "name": NAME, "email": EMAIL},
        ),
        MessageForm: (
            "POST",
            reservation.form("/cancel").url.replace("/cancel", "/messages"),
            {"body": "Hello"},
        ),
        WishesForm: (
            "POST",
            reservation.form("/cancel").url.replace("/cancel?", "/wishes?"),
            {"arrival": "18:30", "diet": "no nuts", "words": "A cot"},
        ),
        RemindersForm: (
            "POST",
            reservation.form("/cancel").url.replace("/cancel?", "/reminders?"),
            {},
        ),
        SubscriptionForm: (
            "POST",
            reservation.form("/cancel").url.replace("/cancel?", "/notices/on?"),
            {"subscription": "{}"},
        ),
        CancelForm: ("POST", reservation.form("/cancel").url, {}),
        InvoiceForm: ("POST", receipt_of(reservation), {"with_address": "y", "billing_city": "X"}),
        PayForm: ("POST", held_by(visitor).url, {"part": "deposit"}),
        CheckForm: ("POST", "/is-this-real", {"reference": "ABCDEFGH", "email": EMAIL}),
        PreferencesForm: (
            "POST",
            "/preferences",
            {"manner": "en-GB", "currency": "symbol", "theme": "dark"},
        ),
        SignInForm: ("POST", "/account/sign-in", {"name": EMAIL, "password": "herons in reeds"}),
        WayInForm: ("POST", "/account/way-in", {"name": EMAIL}),
        RegisterForm: (
            "POST",
            "/account/register",
            {"email": EMAIL, "username": "heron", "password": "herons in the reeds"},
        ),
    }


def of_the_house(form):
    return form.__module__.startswith("app.owner.")


@pytest.mark.clause("C03")
def test_every_form_that_a_visitor_can_reach_is_tried(place, visitor):
    tried = set(doors_of(place, visitor))

    left = {form for form in all_forms() if form not in tried and not of_the_house(form)}

    assert left == {QueryForm, EmptyForm, *STEPS, *BEHIND}


@pytest.mark.clause("C03")
@pytest.mark.parametrize("card", CARDS)
def test_a_card_number_in_any_field_is_refused_and_never_shown_again(
    place, visitor, card, instance
):
    doors = doors_of(place, visitor)
    asked = 0
    for method, url, known in doors.values():
        page = visitor.open(url) if method == "GET" else None
        names = set(known) | ({"arrive", "depart", "adults", "children"} if page else set())
        names |= {"refund_minor", "quoted", "website", "company", "starts_at", "extra-bicycle"}
        for name in sorted(names):
            typed = {**known, "agrees": "y", name: card}
            answer = (
                visitor.open(f"{url}?{urlencode(typed)}")
                if method == "GET"
                else visitor.ask(method, url, data=typed)
            )
            asked += 1
            assert answer.status < 500
            assert card not in answer.text, (url, name)
            assert card not in (answer.header("Location") or "")
            if name in known and name != "starts_at":
                assert answer.status in (409, 422), (url, name, answer.status)

    assert asked > 40
    assert found_under(instance, (card, card.replace(" ", "").replace("-", ""))) == []
