"""The owner's page of the system, and the list of components as a file."""

from datetime import datetime

from babel.units import format_unit
from flask import Response, render_template
from flask.typing import ResponseReturnValue

from app.accounts.models import READER
from app.core import purposes
from app.core.clock import utcnow
from app.core.languages import N_, current_locale, gettext, ngettext
from app.core.version import VERSION
from app.owner import feeds
from app.owner import needs as whats_needed
from app.owner.roles import needs
from app.owner.routes import at_place, bp
from app.owner.system import System, pressing, system
from app.owner.system_bom import components, sbom
from app.privacy.stray import words as stray_words
from app.web.attachments import attachment
from app.web.pages import settings

_TROUBLES = {
    "book_silent": N_("The database of reservations doesn’t answer."),
    "keys_silent": N_("The database of keys doesn’t answer: no guest’s details can be read."),
    "pending": N_("The databases are older than this software. Run: flask --app wsgi prepare"),
    "worker": N_("The worker is silent: no mail is sent. Start it: flask --app wsgi work"),
    "queue": N_("Work is waiting for longer than it should."),
    "given_up": N_("Some work failed so often that it isn’t tried any more."),
    "failing": N_(
        "Mails or other work failed several times. Nothing is lost: all of it is kept, and tried "
        "again with growing pauses. Does the mail relay answer (MAIL_URL)?"
    ),
    "disk": N_("The disk is nearly full."),
    "backup_late": N_("There is no backup of the last two days."),
    "backup_failed": N_("The newest backup failed."),
    "drill_failed": N_("The last rehearsal of a restore failed."),
    "drill_late": N_(
        "No restore was rehearsed lately. Run: flask --app wsgi privacy drill --latest"
    ),
    "settings": N_("A setting isn’t safe: see below."),
    "no_worker": N_("The worker hasn’t shown itself yet. Start it: flask --app wsgi work"),
    "no_backup": N_(
        "There is no backup yet. One is made each night; for one now, run: "
        "flask --app wsgi backup create"
    ),
    "no_drill": N_("No restore was rehearsed yet. Run: flask --app wsgi privacy drill --latest"),
}


def trouble_word(code: str) -> str:
    """Return what needs somebody, and what helps."""
    return gettext(_TROUBLES[code])


@bp.get("/system", endpoint="system")
@needs(READER)
def system_page() -> ResponseReturnValue:
    """Show how the installation stands."""
    found: System = system(settings(), now=utcnow())
    return render_template(
        "owner/system.html",
        found=found,
        components=components(),
        trouble_word=trouble_word,
        free=_size(found.free),
        feeds=feeds.health(now=utcnow()),
        strays=purposes.strays(utcnow()),
        at=at_place(),
    )


@bp.get("/system/sbom.json", endpoint="system_sbom")
@needs(READER)
def system_sbom() -> Response:
    """Answer with the list of components as CycloneDX 1.6."""
    name = f"reserved-{VERSION}.cdx.json"
    return attachment(sbom(now=utcnow()), "application/vnd.cyclonedx+json", name)


def _pressing(now: datetime) -> str:
    """Return the line of the first page: "" while all is well."""
    found = pressing(settings(), now=now)
    if len(found) < 2:
        return "".join(map(trouble_word, found))
    number = len(found)
    return ngettext(
        "%(num)d thing about the system needs somebody.",
        "%(num)d things about the system need somebody.",
        number,
    )


whats_needed.register("system", None, "owner.system", look=_pressing)
whats_needed.register(
    "stray-readings", stray_words, "owner.system", count=purposes.how_many, anchor="purposes"
)


def _size(number: int) -> str:
    """Return "12.3 GB"."""
    value = round(number / 1e9, 1)
    return str(format_unit(value, "digital-gigabyte", "short", locale=current_locale()))
