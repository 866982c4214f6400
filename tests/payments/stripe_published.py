"""What Stripe's published OpenAPI description says of the parameters that we send.

Read in github.com/stripe/openapi, `latest/openapi.spec3.json`, API version 2026-09-30.endive
(the library's types, which `stripe_forms` checks by, are of 2026-10-28.endive). The whole
description has five megabytes; here are the operations that we call, each with all of the
names that it takes, and what it says of those that we send: a second witness, read apart
from the library. Names that we never send are listed without what they may hold.

A description is: a type's name; ("text", most characters); a set of allowed words; a list
of one description; a dictionary of names, closed (`"*"` stands for any name).
"""

from tests.payments.stripe_forms import Malformed

TEXT, WHOLE, YES_OR_NO = ("text", 5000), "whole", "yes or no"
METADATA = {"*": ("text", 500)}
EXPAND = [TEXT]
SPAN = {"gt": WHOLE, "gte": WHOLE, "lt": WHOLE, "lte": WHOLE}
_LISTED = {
    "created": SPAN,
    "ending_before": TEXT,
    "expand": EXPAND,
    "limit": WHOLE,
    "starting_after": TEXT,
}


def _unsent(names):
    return dict.fromkeys(names.split(), None)


def _words(text):
    return set(text.split())


SESSION = {
    **_unsent(
        "after_expiration allow_promotion_codes allowed_payment_method_types automatic_tax "
        "billing_address_collection branding_settings consent_collection currency custom_fields "
        "custom_text customer customer_account customer_email customer_update discounts "
        "excluded_payment_method_types integration_identifier invoice_creation managed_payments "
        "name_collection optional_items origin_context payment_method_collection "
        "payment_method_configuration payment_method_data permissions phone_number_collection "
        "redirect_on_completion return_url saved_payment_method_options setup_intent_data "
        "shipping_address_collection shipping_options subscription_data tax_id_collection ui_mode"
    ),
    "adaptive_pricing": {"enabled": YES_OR_NO},
    "cancel_url": TEXT,
    "client_reference_id": ("text", 200),
    "customer_creation": {"always", "if_required"},
    "expand": EXPAND,
    "expires_at": WHOLE,
    "line_items": [
        {
            **_unsent("adjustable_quantity metadata price tax_rates"),
            "quantity": WHOLE,
            "price_data": {
                **_unsent("product recurring tax_behavior unit_amount_decimal"),
                "currency": TEXT,
                "unit_amount": WHOLE,
                "product_data": {
                    **_unsent("description images metadata tax_code tax_details unit_label"),
                    "name": TEXT,
                },
            },
        }
    ],
    "locale": _words(
        "auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja "
        "ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW"
    ),
    "metadata": METADATA,
    "mode": {"payment", "setup", "subscription"},
    "payment_intent_data": {
        **_unsent(
            "application_fee_amount capture_method on_behalf_of receipt_email shipping "
            "statement_descriptor statement_descriptor_suffix transfer_data transfer_group"
        ),
        "description": ("text", 1000),
        "metadata": METADATA,
        "setup_future_usage": {"off_session", "on_session"},
    },
    "payment_method_options": {
        "wechat_pay": {
            **_unsent("app_id setup_future_usage"),
            "client": {"android", "ios", "web"},
        }
    },
    "submit_type": {"auto", "book", "donate", "pay", "subscribe"},
    "success_url": TEXT,
    "wallet_options": {"link": {"display": {"auto", "never"}}},
}

INTENT = {
    **_unsent(
        "allowed_payment_method_types amount_details application_fee_amount capture_method "
        "confirmation_method confirmation_token customer_account error_on_requires_action "
        "excluded_payment_method_types hooks mandate mandate_data on_behalf_of payment_details "
        "payment_method_configuration payment_method_data payment_method_options radar_options "
        "shipping statement_descriptor statement_descriptor_suffix transfer_data transfer_group "
        "use_stripe_sdk"
    ),
    "amount": WHOLE,
    "automatic_payment_methods": {"enabled": YES_OR_NO, "allow_redirects": {"always", "never"}},
    "confirm": YES_OR_NO,
    "currency": TEXT,
    "customer": TEXT,
    "description": ("text", 1000),
    "expand": EXPAND,
    "metadata": METADATA,
    "off_session": YES_OR_NO,
    "payment_method": TEXT,
}

REFUND = {
    **_unsent(
        "charge currency customer instructions_email origin reason refund_application_fee "
        "reverse_transfer"
    ),
    "amount": WHOLE,
    "expand": EXPAND,
    "metadata": METADATA,
    "payment_intent": TEXT,
}

_LOOK = {"expand": EXPAND}
PUBLISHED = {
    "open_session": SESSION,
    "list_sessions": {
        **_LISTED,
        **_unsent("customer customer_account customer_details payment_link subscription status"),
        "payment_intent": TEXT,
    },
    "session": _LOOK,
    "expire_session": _LOOK,
    "charge": INTENT,
    "intent": {**_LOOK, **_unsent("client_secret")},
    "refund": REFUND,
    "list_refunds": {**_LISTED, **_unsent("charge"), "payment_intent": TEXT},
    "refund_of": _LOOK,
    "list_disputes": {**_LISTED, **_unsent("charge"), "payment_intent": TEXT},
    "dispute_of": _LOOK,
    "list_events": {**_LISTED, **_unsent("delivery_success type"), "types": [TEXT]},
    # These are asked by their id alone: whatever is sent with it is refused.
    "cancel_intent": {},
    "charge_of": {},
    "delete_customer": {},
}
"""By who answers the call in `stripe_forms.CALLS`."""


def check(answerer, said):
    """Compare the values of a call with what is published. Raises Malformed."""
    _check(said, PUBLISHED[answerer], "")


def _check(value, described, at):
    if described is None:
        raise Malformed(at, "sent, but never read up")
    if isinstance(described, set):
        fits = value in described
    elif isinstance(described, tuple):
        fits = isinstance(value, str) and len(value) <= described[1]
    elif described == WHOLE:
        fits = isinstance(value, int) and not isinstance(value, bool)
    elif described == YES_OR_NO:
        fits = isinstance(value, bool)
    elif isinstance(described, list):
        fits = isinstance(value, list)
        for number, one in enumerate(value if fits else ()):
            _check(one, described[0], f"{at}[{number}]")
    else:
        fits = isinstance(value, dict)
        for name, one in value.items() if fits else ():
            below = f"{at}[{name}]" if at else name
            if name not in described and "*" not in described:
                raise Malformed(below, "isn't in the published description")
            _check(one, described.get(name, described.get("*")), below)
    if not fits:
        raise Malformed(at, "isn't what the published description says")
