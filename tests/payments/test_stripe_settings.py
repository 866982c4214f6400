"""Play money never meets a real booking, nor real money a demonstration: the start refuses it."""

import pytest

from app.config import SettingMissing, Settings
from app.payments.stripe.provider import API, PAGE, StripeProvider, api_address

TEST, LIVE = "sk_test_" + "t" * 24, "sk_live_" + "l" * 24
HOOK = "whsec_" + "w" * 24
PRODUCTION = {
    "SITE_MODE": "production",
    "SITE_URL": "https://reserved.example",
    "SECRET_KEY": "a" * 40,
    "MASTER_KEY": "b" * 40,
    "MAIL_URL": "smtps://user:pass-word@relay.example:465",
}


def settings(tmp_path, *, production, **others):
    """Read settings of a mode, with others of Stripe."""
    own = PRODUCTION if production else {}
    named = {f"STRIPE_{name.upper()}": value for name, value in others.items()}
    return Settings.from_env({**own, "INSTANCE_DIR": str(tmp_path / "instance"), **named})


@pytest.mark.clause("C03")
@pytest.mark.parametrize(
    ("production", "given", "named"),
    [
        (True, {"secret_key": TEST, "webhook_secret": HOOK}, "STRIPE_SECRET_KEY"),
        (False, {"secret_key": LIVE, "webhook_secret": HOOK}, "STRIPE_SECRET_KEY"),
        (False, {"secret_key": "rk_live_x", "webhook_secret": HOOK}, "STRIPE_SECRET_KEY"),
        (False, {"secret_key": "pk_test_x", "webhook_secret": HOOK}, "STRIPE_SECRET_KEY"),
        (False, {"secret_key": "whatever", "webhook_secret": HOOK}, "STRIPE_SECRET_KEY"),
        (False, {"webhook_secret": HOOK}, "STRIPE_SECRET_KEY"),
        (False, {"api_base": "http://127.0.0.1:1"}, "STRIPE_SECRET_KEY"),
        (False, {"secret_key": TEST}, "STRIPE_WEBHOOK_SECRET"),
        (True, {"secret_key": LIVE, "webhook_secret": " , "}, "STRIPE_WEBHOOK_SECRET"),
        (
            True,
            {"secret_key": LIVE, "webhook_secret": HOOK, "api_base": "http://127.0.0.1:1"},
            "STRIPE_API_BASE",
        ),
    ],
)
def test_a_key_that_does_not_fit_is_refused_and_named(tmp_path, production, given, named):
    with pytest.raises(SettingMissing, match=named) as told:
        settings(tmp_path, production=production, **given)

    assert not [value for value in given.values() if value.strip(" ,") and value in str(told.value)]


@pytest.mark.clause("C03")
def test_a_live_key_goes_to_stripe_itself_and_to_nobody_else(tmp_path):
    live = settings(tmp_path, production=True, secret_key=LIVE, webhook_secret=f"{HOOK}, whsec_x")

    provider = StripeProvider(live, api_address(live))

    assert api_address(live) == API
    assert (provider.caps.live, provider.caps.redirect_origin) == (True, PAGE)
    assert live.stripe_webhook_secrets == (HOOK, "whsec_x")
    assert LIVE not in repr(live)
    assert HOOK not in repr(live)


def test_a_restricted_key_of_the_test_mode_is_enough(tmp_path):
    test = settings(tmp_path, production=False, secret_key="rk_test_x", webhook_secret=HOOK)

    assert test.stripe_live is False
