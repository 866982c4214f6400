"""Payments: how a held reservation is paid, and how money goes back.

*Provider*: who takes the money on a page of their own (`provider.py` says what we ask
of one). *Attempt*: one try to pay a reservation, a `Payment` row; at most one is open.
*Snapshot*: what is true at the provider now; *notice*: a signed hint to go and look.
*Refund*: money on its way back, a row before it is a call. *Ledger*: every movement of
money, one line each, never changed. *Review*: something doesn't add up, a person decides.
*Surplus*: money that came for what nobody needs to pay for any more; it goes back.

Money is asked of a provider between two commits, never under a lock; whatever a provider
says is written down by one verb, `apply.apply`.
"""

from flask import Flask

from app.config import Settings
from app.core.languages import N_
from app.payments import (
    balances,
    changed,
    charging,
    claim_routes,
    coming_back,
    compare,
    compared,
    invoice_routes,
    providers,
    reconcile,
    routes,
)
from app.payments.demo import routes as demo_routes
from app.payments.stripe.provider import STRIPE
from app.policy.recipients import name_recipient

# These register their jobs and what they do every minute as they are imported.
__all__ = ["balances", "changed", "charging", "compare", "compared", "init_app", "reconcile"]


name_recipient(
    STRIPE,
    "Stripe",
    kept=N_("As long as the law on payments asks of it; its own policy says how long"),
    ground=N_("our contract with you (GDPR, Article 6(1)(b))"),
)


def init_app(app: Flask, settings: Settings) -> None:
    """Choose the provider and open the pages; the demo bank's in demo mode only."""
    providers.init_app(app, settings)
    app.extensions["standing"] = balances.standing
    app.extensions["coming_back"] = coming_back.coming_back
    app.register_blueprint(routes.bp)
    app.register_blueprint(claim_routes.bp)
    app.register_blueprint(invoice_routes.bp)
    if settings.demo:
        app.register_blueprint(demo_routes.bp)
