"""What we send is what Stripe's published description takes, as well as the library's types.

The stand-in refuses a call that either of the two refuses, so every test against it is one
of this promise too; here it is shown that the description can say no.
"""

import copy

import pytest

from app.payments.stripe.provider import HEARD
from tests.payments.stripe_forms import CALLS, Malformed
from tests.payments.stripe_published import PUBLISHED, check

PAGE = {
    "mode": "payment",
    "line_items": [
        {
            "quantity": 1,
            "price_data": {
                "currency": "eur",
                "unit_amount": 100,
                "product_data": {"name": "Booking R-7F3K"},
            },
        }
    ],
    "client_reference_id": "a",
    "payment_intent_data": {"metadata": {"payment": "a"}, "setup_future_usage": "off_session"},
    "locale": "zh",
    "submit_type": "book",
    "wallet_options": {"link": {"display": "never"}},
    "payment_method_options": {"wechat_pay": {"client": "web"}},
    "expires_at": 1900000000,
}


def with_(way, value):
    page = copy.deepcopy(PAGE)
    place = page
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = value
    return page


def test_a_page_as_we_ask_for_it_is_as_published():
    check("open_session", PAGE)


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (["payment_method_types"], ["card"]),  # gone from this version
        (["payment_intent_data", "capture_methd"], "manual"),
        (["wallet_options", "link", "display"], "hidden"),
        (["locale"], "zh-CN"),
        (["submit_type"], "reserve"),
        (["line_items", 0, "price_data", "unit_amount"], "100"),
        (["line_items", 0, "amount"], 100),
        (["client_reference_id"], "x" * 201),
        (["payment_intent_data", "metadata", "payment"], "x" * 501),
        (["expires_at"], "soon"),
        (["customer_email"], "guest@example.org"),  # we have no reason to tell it
    ],
)
def test_whatever_the_description_does_not_say_is_refused(way, value):
    with pytest.raises(Malformed):
        check("open_session", with_(way, value))


def test_every_call_is_described():
    assert set(PUBLISHED) == {answerer for *_, answerer in CALLS}


def test_no_more_kinds_of_events_are_asked_for_than_stripe_takes():
    assert len(HEARD) <= 20
