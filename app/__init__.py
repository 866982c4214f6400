"""Reserved: the only place that knows every feature."""

import logging
import sys

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.accounts import mails as account_mails  # noqa: F401 (it registers itself)
from app.accounts import sessions
from app.accounts import tidying as accounts_tidying  # noqa: F401 (it registers itself)
from app.accounts.routes import bp as accounts_bp
from app.accounts.routes.security import well_known as accounts_well_known
from app.booking import kept_pages, mails, shop, tidying  # noqa: F401 (mails and tidying register themselves)
from app.booking.routes import bp as booking_bp
from app.booking.routes import init_app as init_booking
from app.config import Settings
from app.consent import frame as consent_frame
from app.consent import preferences
from app.consent import tidying as consent_tidying  # noqa: F401 (it registers itself)
from app.consent.gate import ConsentGate
from app.consent.log_routes import TOKENLESS
from app.consent.log_routes import bp as consent_log_bp
from app.consent.permissions_routes import bp as consent_permissions_bp
from app.consent.preferences_routes import bp as consent_preferences_bp
from app.consent.routes import bp as consent_bp
from app.consent.routes import well_known
from app.continuity import daily as continuity_daily  # noqa: F401 (it registers itself)
from app.continuity import models as continuity_models  # noqa: F401 (its tables)
from app.continuity import serving
from app.continuity.facts import facts
from app.core import audit, erasures, heartbeat  # noqa: F401 (their tables)
from app.core import tidying as core_tidying  # noqa: F401 (it registers itself)
from app.core.clock import Clock, system_clock
from app.core.database import KEYS, KeysBase, db
from app.core.egress import MAIL_RELAY, Egress
from app.core.vault import Vault, derive
from app.core.worker import make_waker
from app.guestbook import mails as guestbook_mails  # noqa: F401 (it registers itself)
from app.guestbook import models as guestbook_models  # noqa: F401 (its tables)
from app.guestbook import surveys_mail  # noqa: F401 (it registers itself)
from app.guestbook import tidying as guestbook_tidying  # noqa: F401 (it registers itself)
from app.guestbook.arrival_routes import bp as arrival_bp
from app.guestbook.routes import bp as guestbook_bp
from app.guestbook.surveys_routes import bp as surveys_bp
from app.owner import (  # noqa: F401 (they add pages to the blueprint)
    board_line_routes,
    board_routes,
    by_phone_routes,
    figures_routes,
    guests_export_routes,
    guests_routes,
    invoice_routes,
    messages_routes,
    offers_more_routes,
    offers_prices_routes,
    offers_routes,
    payments_ask_routes,
    payments_failed_routes,
    payments_routes,
    people_routes,
    pictures_routes,
    requests_routes,
    reservation_routes,
    surveys_routes,
    system_routes,
    today_routes,
    trail_routes,
    venue_routes,
    visits_routes,
)
from app.owner.routes import bp as owner_bp
from app.payments import init_app as init_payments
from app.payments.routes import ORIGIN_EXEMPT
from app.payments.stripe.provider import STRIPE, api_address
from app.policy.routes import bp as policy_bp
from app.privacy import models as privacy_models  # noqa: F401 (its tables)
from app.privacy import purging  # noqa: F401 (it registers itself)
from app.privacy.routes import bp as privacy_bp
from app.web import assets, errors, guard, headers, health, pages, uploads

ENGINE_OPTIONS = {
    # A statement's values are people's values: they stay out of every error.
    "hide_parameters": True,
    "pool_pre_ping": False,
}


def create_app(settings: Settings | None = None, *, clock: Clock | None = None) -> Flask:
    """Make the application from its settings; tests hand in their own, and a clock."""
    settings = settings or Settings.from_env()
    app = Flask(__name__, static_folder=None, template_folder="../templates")
    _configure(app, settings)
    app.extensions["settings"] = settings
    app.extensions["clock"] = clock or system_clock
    app.extensions["vault"] = Vault(settings.master_key)
    app.extensions["network_secret"] = derive(settings.secret_key, "reserved: network pseudonyms")
    app.extensions["keys_metadata"] = KeysBase.metadata
    app.extensions["make_app"] = create_app
    app.extensions["egress"] = Egress(
        {MAIL_RELAY.code: settings.mail_url, STRIPE.code: api_address(settings)}
    )
    app.extensions["wake_worker"] = make_waker(settings)
    db.init_app(app)

    pages.init_app(app)
    uploads.init_app(app)
    guard.init_app(app, exempt=frozenset(ORIGIN_EXEMPT), tokenless=TOKENLESS)
    headers.init_app(app, settings)
    errors.init_app(app)
    assets.init_app(app)
    sessions.init_app(app, settings)
    consent_frame.init_app(app)
    preferences.init_app(app)
    shop.init_app(app)
    kept_pages.init_app(app)
    init_booking(app)
    init_payments(app, settings)
    for blueprint in (
        health.bp,
        accounts_bp,
        accounts_well_known,
        consent_bp,
        consent_log_bp,
        consent_preferences_bp,
        consent_permissions_bp,
        well_known,
        policy_bp,
        booking_bp,
        guestbook_bp,
        arrival_bp,
        surveys_bp,
        privacy_bp,
        owner_bp,
    ):
        app.register_blueprint(blueprint)

    wsgi = ConsentGate(app.wsgi_app, settings)
    hops = settings.proxy_hops
    # Only so many proxies are believed as there are; by default none.
    app.wsgi_app = (  # type: ignore[method-assign]
        ProxyFix(wsgi, x_for=hops, x_proto=hops, x_host=hops) if hops else wsgi
    )
    # Pages below continuity show them too, and may not import it.
    app.extensions["backup_facts"] = facts
    serving.init_app(app, settings)
    return app


def _configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key,
        TESTING=settings.testing,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_BINDS={KEYS: settings.keys_database_url},
        SQLALCHEMY_ENGINE_OPTIONS=ENGINE_OPTIONS,
        TRUSTED_HOSTS=settings.hosts,
        MAX_CONTENT_LENGTH=1_000_000,
        MAX_FORM_MEMORY_SIZE=500_000,
        MAX_FORM_PARTS=300,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session that it belongs to
        PREFERRED_URL_SCHEME="https" if settings.https else "http",
        PROPAGATE_EXCEPTIONS=False,
    )
    if not settings.testing:
        logging.basicConfig(
            stream=sys.stdout, level=logging.WARNING, format="%(asctime)s %(message)s"
        )
        logging.getLogger("reserved").setLevel(logging.INFO)
    # Exceptions are logged by `web.errors`, without their messages.
    app.logger.disabled = True
