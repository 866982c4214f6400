"""The owner's first page: one day of the house, what needs somebody, and who takes which seat."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from flask import abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import READER, STAFF
from app.accounts.readings import LIST
from app.booking.models import Reservation
from app.booking.shop import shop, zone_here
from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import gettext, ngettext
from app.core.languages import lazy_gettext as _l
from app.core.text import FIRST_YEAR, LAST_YEAR
from app.core.tidying import JOB_KEPT
from app.guestbook.wishes import wishes_today
from app.guestbook.wording import wish_facts
from app.owner import needs as needing
from app.owner import today as days
from app.owner import trail, words
from app.owner.board_words import done_word
from app.owner.first_run import first_run
from app.owner.masking import is_hidden
from app.owner.readings import noted
from app.owner.roles import may_use, needs
from app.owner.routes import at_place, bp
from app.web.fields import DateField
from app.web.forms import EmptyForm, QueryForm

_START = "%Y%m%dT%H%MZ"
_FAR = date(FIRST_YEAR, 1, 2), date(LAST_YEAR, 12, 30)


class DayForm(QueryForm):
    """Look at another day."""

    day = DateField(
        _l("Another day"),
        why=_l("Who comes and leaves then. Without it, today is shown."),
        collects=(),
    )


@bp.context_processor
def _wishes() -> dict[str, Any]:
    """Give the owner's pages what a guest asked for: on the days of the stay, and no other."""
    return {"wishes_of": _wishes_of, "wish_facts": wish_facts, "start_in_address": start_in_address}


def _wishes_of(reservation: Reservation) -> list[tuple[str, str]]:
    zone, now = shop().venue.zone, utcnow()
    asked = wish_facts(wishes_today(reservation, zone, now=now))
    return [] if asked and is_hidden(reservation.person_id) else asked


def start_in_address(starts_at: datetime) -> str:
    """Return an instant as addresses of manifests have it, in UTC: no hour comes twice there."""
    return starts_at.astimezone(UTC).strftime(_START)


@bp.get("/")
@needs(READER)
def today() -> ResponseReturnValue:
    """Show what a day brings; the present one unless another is asked for."""
    here = shop()
    sold = here.catalogue.stays_on_sale or here.catalogue.sessions_on_sale
    if not sold and first_run():
        return render_template("owner/nothing.html")
    zone = here.venue.zone
    form, now = DayForm(), utcnow()
    fine = not form.is_submitted() or form.validate()
    day = form.day.data if fine else None
    if day is not None and not _FAR[0] <= day <= _FAR[1]:
        abort(404)
    found = days.today(zone, now=now, day=day)
    page = render_template(
        "owner/today.html",
        today=found,
        needs=[
            one
            for one in needing.needs(now=now)
            if one.endpoint in current_app.view_functions and may_use(one.endpoint)
        ],
        form=form,
        before=(found.day - timedelta(days=1)).isoformat(),
        after=(found.day + timedelta(days=1)).isoformat(),
        zone=zone,
        at=partial(words.instant_word, zone=zone),
        act_form=EmptyForm(),
        # What happens is noted on the day that it happens.
        notes=found.is_today and may_use("owner.board_note"),
        **_just_noted(),
    )
    answer = noted(page, found.persons, LIST)
    return answer if fine else (answer, 422)


def _just_noted() -> dict[str, str]:
    """Return what was noted on this page just now, and where it can be taken back."""
    done, line = request.args.get("done", ""), request.args.get("line", "")
    if done not in ("check_in", "check_out") or not may_use("owner.board_note"):
        return {"done": "", "undo": ""}
    known = line.isascii() and line.isdigit() and len(line) < 10
    undo = url_for(".board_line", line_id=int(line)) if known else ""
    return {"done": done_word(done), "undo": undo}


# -- A session's sheet ------------------------------------------------------------------------


@bp.get("/manifest/<slug>/<start>")
@needs(READER)
def manifest(slug: str, start: str) -> ResponseReturnValue:
    """Show who takes a seat of one session, on a sheet to print."""
    starts_at, zone = _read_start(start) or abort(404), zone_here()
    found, persons = days.manifest(slug, starts_at, zone, now=utcnow())
    if found is None:
        abort(404)
    page = render_template("owner/manifest.html", start=found, zone=zone)
    return noted(page, persons, LIST)


def _read_start(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _START).replace(tzinfo=UTC) if text.isascii() else None
    except ValueError:
        return None


# -- Work that gave up ------------------------------------------------------------------------


@bp.get("/given-up")
@needs(STAFF)
def given_up() -> ResponseReturnValue:
    """List the mails and tasks that ran out of tries, and offer to try again."""
    tried = request.args.get("again", "")
    number = int(tried) if tried.isascii() and tried.isdigit() and len(tried) < 6 else 0
    return render_template(
        "owner/given_up.html",
        jobs=needing.given_up(),
        kept_days=JOB_KEPT.days,
        done=ngettext("It is tried again now.", "All %(num)d are tried again now.", number)
        if number
        else "",
        form=EmptyForm(),
        what=_job_word,
        at=at_place(),
    )


def _job_word(topic: str, payload: dict[str, Any]) -> str:
    template = payload.get("template")
    if topic in ("mail", "account-mail", "arrival-mail") or template:
        return gettext("Mail: %(what)s", what=template or topic)
    return topic


@bp.post("/given-up")
@needs(STAFF)
def try_again() -> ResponseReturnValue:
    """Have the worker try again whatever ran out of tries."""
    now = utcnow()
    if number := needing.try_again(now=now):
        trail.record("jobs.tried_again", "system", 0, now=now, jobs=number)
    db.session.commit()
    return redirect(url_for(".given_up", again=number or None), 303)
