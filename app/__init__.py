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
from app.booking import audience as booking_audience  # noqa: F401 (it registers itself)
from app.booking import (  # noqa: F401 (mails and tidying register themselves)
    feeds_in,
    kept_pages,
    mails,
    shop,
    tidying,
)
from app.booking.feeds_routes import bp as feeds_bp
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
from app.continuity import (  # noqa: F401 (its tables; it registers itself)  # noqa: F401 (they register themselves)
    closing_models,
    closing_stages,
    controller_models,
    controller_stages,
    serving,
)
from app.continuity import daily as continuity_daily  # noqa: F401 (it registers itself)
from app.continuity import models as continuity_models  # noqa: F401 (its tables)
from app.continuity.closing_routes import bp as closing_bp
from app.continuity.controller_routes import bp as controller_bp
from app.continuity.facts import facts
from app.continuity.incidents_routes import bp as incidents_bp
from app.core import audit, erasures, heartbeat, purposes  # noqa: F401 (their tables)
from app.core import tidying as core_tidying  # noqa: F401 (it registers itself)
from app.core.calendar_door import open_door
from app.core.clock import Clock, system_clock
from app.core.database import KEYS, Base, KeysBase, db
from app.core.datamap import refuse_undeclared
from app.core.egress import MAIL_RELAY, PUSH_SERVICE, Egress
from app.core.reading_for import DECLARED, FIELDS
from app.core.vault import Vault, derive
from app.core.worker import make_waker
from app.guestbook import mails as guestbook_mails  # noqa: F401 (it registers itself)
from app.guestbook import models as guestbook_models  # noqa: F401 (its tables)
from app.guestbook import (
    partners_sending,  # noqa: F401 (it registers itself)
    surveys_mail,  # noqa: F401 (it registers itself)
)
from app.guestbook import tidying as guestbook_tidying  # noqa: F401 (it registers itself)
from app.guestbook.arrival_routes import bp as arrival_bp
from app.guestbook.notices_routes import bp as notices_bp
from app.guestbook.partners_routes import bp as partners_bp
from app.guestbook.reviews_routes import bp as reviews_bp
from app.guestbook.routes import bp as guestbook_bp
from app.guestbook.surveys_routes import bp as surveys_bp
from app.owner import (  # noqa: F401 (they add pages to the blueprint)
    board_line_routes,
    board_routes,
    by_phone_routes,
    closing_routes,
    controller_routes,
    feeds_conflicts_routes,
    feeds_routes,
    figures_routes,
    guests_export_routes,
    guests_routes,
    incidents_people_routes,
    incidents_record_routes,
    incidents_routes,
    invoice_routes,
    messages_routes,
    offers_more_routes,
    offers_prices_routes,
    offers_routes,
    partners_routes,
    payments_ask_routes,
    payments_failed_routes,
    payments_routes,
    people_routes,
    pictures_routes,
    promises_routes,
    requests_routes,
    reservation_routes,
    reviews_routes,
    surveys_routes,
    system_routes,
    today_routes,
    trail_routes,
    venue_routes,
    versions_routes,
    visits_routes,
)
from app.owner.routes import bp as owner_bp
from app.payments import init_app as init_payments
from app.payments.routes import ORIGIN_EXEMPT
from app.payments.stripe.provider import STRIPE, api_address
from app.policy import announcing, push, recipients, shown_routes
from app.policy import comparing_routes as policy_comparing  # noqa: F401 (it adds its page)
from app.policy import security as policy_security  # noqa: F401 (it adds its pages)
from app.policy import telling_jobs as policy_telling  # noqa: F401 (they register themselves)
from app.policy.push_routes import bp as push_bp
from app.policy.routes import bp as policy_bp
from app.privacy import audience as privacy_audience  # noqa: F401 (it registers itself)
from app.privacy import controls as privacy_controls  # noqa: F401 (they register themselves)
from app.privacy import live as privacy_live  # noqa: F401 (it registers itself)
from app.privacy import models as privacy_models  # noqa: F401 (its tables)
from app.privacy import purging, stray  # noqa: F401 (they register themselves)
from app.privacy.routes import bp as privacy_bp
from app.web import assets, bodies, errors, guard, headers, health, pages, uploads
from app.web.routing import LazyRule

ENGINE_OPTIONS = {
    # A statement's values are people's values: they stay out of every error.
    "hide_parameters": True,
    "pool_pre_ping": False,
}
BLUEPRINTS = (
    health.bp,
    accounts_bp,
    accounts_well_known,
    consent_bp,
    consent_log_bp,
    consent_preferences_bp,
    consent_permissions_bp,
    well_known,
    policy_bp,
    push_bp,
    booking_bp,
    feeds_bp,
    guestbook_bp,
    arrival_bp,
    notices_bp,
    surveys_bp,
    partners_bp,
    reviews_bp,
    privacy_bp,
    controller_bp,
    incidents_bp,
    closing_bp,
    owner_bp,
)


def create_app(settings: Settings | None = None, *, clock: Clock | None = None) -> Flask:
    """Make the application from its settings; tests hand in their own, and a clock."""
    settings = settings or Settings.from_env()
    refuse_undeclared(Base.metadata, KeysBase.metadata)
    app = Flask(__name__, static_folder=None, template_folder="../templates")
    app.url_rule_class = LazyRule
    _configure(app, settings)
    app.extensions["settings"] = settings
    app.extensions["clock"] = clock or system_clock
    guarding = purposes.init_app(app, DECLARED, FIELDS, strict=settings.testing)
    app.extensions["vault"] = Vault(settings.master_key, guarding)
    app.extensions["network_secret"] = derive(settings.secret_key, "reserved: network pseudonyms")
    app.extensions["keys_metadata"] = KeysBase.metadata
    app.extensions["make_app"] = create_app
    app.extensions["egress"] = Egress(
        {MAIL_RELAY.code: settings.mail_url, STRIPE.code: api_address(settings)},
        {PUSH_SERVICE.code: push.hosts_of(settings)},
    )
    recipients.refuse_unnamed(app.extensions["egress"])
    app.extensions["calendar_door"] = open_door(settings)
    app.extensions["wake_worker"] = make_waker(settings)
    db.init_app(app)

    pages.init_app(app)
    uploads.init_app(app)
    bodies.init_app(app)
    guard.init_app(app, exempt=frozenset(ORIGIN_EXEMPT), tokenless=TOKENLESS)
    headers.init_app(app, settings)
    errors.init_app(app)
    assets.init_app(app)
    sessions.init_app(app, settings)
    consent_frame.init_app(app)
    preferences.init_app(app)
    shop.init_app(app)
    kept_pages.init_app(app)
    announcing.init_app(app)
    shown_routes.init_app(app)
    init_booking(app)
    init_payments(app, settings)
    for blueprint in BLUEPRINTS:
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
