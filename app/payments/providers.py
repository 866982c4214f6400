"""Which provider this installation takes payments through."""

from flask import Flask, current_app

from app.config import Settings
from app.core.egress import Egress
from app.core.errors import DomainError
from app.core.languages import N_
from app.payments.demo.provider import DemoProvider
from app.payments.provider import PaymentProvider
from app.payments.stripe.provider import STRIPE, StripeProvider


class NoProvider(DomainError):
    """The site isn't set up to take money."""

    message = N_("We can’t take payments yet. Please write to us, and we’ll keep your places.")


def init_app(app: Flask, settings: Settings) -> None:
    """Choose the provider: Stripe where a key is set, else in the demo the demo bank.

    The demo bank stays beside Stripe's test mode, for attempts that were made with it.
    """
    providers: dict[str, PaymentProvider] = {}
    if settings.stripe_secret_key:
        egress: Egress = app.extensions["egress"]
        stripe = StripeProvider(settings, egress.url(STRIPE))
        providers[stripe.name] = stripe
    if settings.demo:
        demo = DemoProvider(settings)
        providers[demo.name] = demo
    app.extensions["payment_providers"] = providers


def _providers() -> dict[str, PaymentProvider]:
    found: dict[str, PaymentProvider] = current_app.extensions["payment_providers"]
    return found


def current_provider() -> PaymentProvider:
    """Return the provider for new payments; raises NoProvider where there is none."""
    for provider in _providers().values():
        return provider
    raise NoProvider


def providers() -> list[PaymentProvider]:
    """Return every provider that this installation has."""
    return list(_providers().values())


def provider_named(name: str) -> PaymentProvider | None:
    """Return a provider by its name, for attempts made with it and notices that name it."""
    return _providers().get(name)
