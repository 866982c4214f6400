"""The public page about the end of the service, and what the site answers once it has come."""

from datetime import date, datetime
from typing import Any

from babel.dates import format_datetime
from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from app.booking.catalogue import Venue
from app.booking.links import reservation_at_link
from app.booking.shop import NothingOnOffer, shop
from app.booking.wording import long_day
from app.continuity import closing, closing_certificate
from app.continuity.closing_models import DONE, RUNNING, STOPPED, Closing
from app.core.clock import utcnow
from app.core.languages import current_locale, gettext
from app.policy import facts
from app.privacy import certificate, planning, terms
from app.privacy.archiving import day_here
from app.privacy.words import table_word
from app.web.attachments import attachment

bp = Blueprint("closing", __name__)

_OPEN = frozenset(
    {
        "accounts",
        "accounts_well_known",
        "assets",
        "claims",
        "closing",
        "consent",
        "consent_log",
        "consent_preferences",
        "demo_bank",
        "health",
        "owner",
        "policy",
        "privacy",
        "well_known",
    }
)
"""What still opens once the place is closed: the owner's way in, the policy, certificates."""
_STILL = frozenset({"booking.contact", "controller.show"})
"""Single pages that do too: who answers for what the law keeps, and how to reach them."""
_ENTRIES = frozenset({"accounts.register", "accounts.register_sent", "accounts.verify"})
"""Where new data would come in: shut from the day after the last one (GB/T 35273, 6.4)."""
_SHOP = frozenset(
    {"booking.home", "booking.search", "booking.offer", "booking.show_basket", "booking.basket"}
)
"""Where something would be chosen: from that day on there is nothing to choose."""
_SHUT = _ENTRIES | _SHOP


@bp.before_app_request
def _once_closed() -> ResponseReturnValue | None:
    """Answer with the closing page what the place doesn't do any more."""
    endpoint = request.endpoint or ""
    if request.blueprint in ("assets", "health", "closing", "owner", None):
        return None
    if request.path.startswith("/webhooks/"):
        return None  # a refund on its way is still told of
    of_a_guest = request.path.startswith("/reservations/")
    if request.blueprint in _OPEN and endpoint not in _ENTRIES and not of_a_guest:
        return None
    if (venue := _venue()) is None or venue.closes_on is None:
        return None
    if venue.is_closed:
        opens = endpoint in _STILL or (of_a_guest and request.blueprint in _OPEN)
        return None if opens and not (of_a_guest and _is_gone()) else (_page(), 410)
    return (_page(), 410) if endpoint in _SHUT and venue.has_ended(now=utcnow()) else None


def _is_gone() -> bool:
    """Whether the guest is erased whose reservation's address was opened."""
    try:
        return reservation_at_link(str((request.view_args or {})["reference"])).person_id is None
    except (KeyError, NotFound):
        return True


def _venue() -> Venue | None:
    try:
        return shop().venue
    except NothingOnOffer:
        return None


@bp.get("/closing")
def show() -> ResponseReturnValue:
    """Say whether the place closes, and what happens then, step by step."""
    return _page()


def _page() -> str:
    found = closing.current()
    if found is not None and (found.state == "planned" or not found.begun_at):
        found = None  # nobody's business until it is begun
    # A closing that was called off is told of for as long as people were told of it.
    running = found if found is not None and found.state in (RUNNING, DONE) else None
    stopped = found if found is not None and found.state == STOPPED else None
    made = certificate.opened(found.certificate) if found and found.certificate else None
    return render_template(
        "closing/show.html",
        closing=running,
        stopped=stopped,
        today=day_here(utcnow()),
        stage=_stage_of(running),
        certificate=made,
        fingerprint=certificate.fingerprint() if made else "",
        commands=closing_certificate.COMMANDS,
        periods=_periods(),
        law=_law(),
        day=long_day,
        from_iso=date.fromisoformat,
        at=_at,
        word=what_word,
        ground=gettext,
        kept=planning.KEPT,
        has_place=_venue() is not None,
    )


def _stage_of(found: Closing | None) -> int:
    """Return how far the five steps of the page are: so many are done."""
    if found is None:
        return 0
    if found.state == DONE:
        return 5
    names = ["announced", "refunded", "ended", "shut"]
    return names.index(found.stage) + 1 if found.stage in names else 4 if found.erasing_at else 0


def _periods() -> dict[str, str]:
    """Return the house's own minimums in words: the constants that the verbs check."""
    known = facts.facts()
    names = ("closing_notice", "closing_downloads", "closing_erased")
    return {name: facts.worded(known[name], current_locale()) for name in names}


def _law() -> dict[str, Any]:
    law = terms.place().law
    return {"ground": gettext(law.papers_ground), "years": law.papers_years}


def _at(written: str) -> str:
    """Return an instant of a certificate as people read it, in UTC as it is signed."""
    return format_datetime(datetime.fromisoformat(written), "long", locale=current_locale())


def what_word(name: str) -> str:
    """Return what the rows of a table are called; what is nobody's has words here."""
    own = {
        "basket": gettext("Baskets"),
        "job": gettext("Finished tasks"),
        "limit_bucket": gettext("Limits against abuse"),
        "letters": gettext("Letters kept as files"),
    }
    if name in own:
        return own[name]
    try:
        return table_word(name)
    except KeyError:
        return name


# -- The certificate ----------------------------------------------------------------------


@bp.get("/closing/certificate.json")
def certificate_file() -> Response:
    """Answer with the certificate: the very bytes that are signed."""
    statement = _certificate().statement.encode()
    return attachment(statement, "application/json", closing_certificate.FILE)


@bp.get("/closing/certificate.sig")
def certificate_signature() -> Response:
    """Answer with its signature: 64 bytes."""
    name = closing_certificate.SIGNATURE_FILE
    return attachment(_certificate().signature, "application/octet-stream", name)


def _certificate() -> certificate.Certificate:
    found = closing.current()
    if found is None or not found.certificate:
        abort(404)
    return certificate.opened(found.certificate)
