"""The owner's pages of a change of controller: plan, dry run, announce, hand over, stop (C24)."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import (
    abort,
    redirect,
    render_template,
    url_for,
)
from flask.typing import ResponseReturnValue

from app.accounts.models import OWNER
from app.booking.shop import shop
from app.booking.wording import long_day
from app.continuity import controller
from app.continuity import controller_package as package
from app.continuity.controller_models import DATA, SITE, ControllerChange
from app.continuity.controller_people import forecast
from app.continuity.controller_routes import about
from app.continuity.controller_words import preview
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.languages import LANGUAGES, N_, current_locale, gettext
from app.core.purposes import streamed
from app.owner import needs as whats_needed
from app.owner import trail
from app.owner.controller_forms import OWN_WORDS, NameForm, PlanForm, StopForm
from app.owner.just_done import just_done
from app.owner.roles import ask_again, needs
from app.owner.routes import at_place, bp
from app.policy import telling
from app.policy.telling import Counts, MatterUnknown
from app.privacy.retention import HANDOVER_KEPT
from app.web.attachments import attachment
from app.web.forms import EmptyForm, Form

_PAGE = "/controller"
_DONE = {
    "planned": N_("Planned. Nobody was told yet: look at it once more below, then announce it."),
    "announced": N_("Announced. It stands on every page, and mails are on their way."),
    "stopped": N_("Called off. Whoever was told of it is told that too."),
    "begun": N_("The hand-over has begun. It goes on by itself."),
}
_BY_FIELD = {"TooSoon": "changes_on", "KeyMissing": "public_key", "NotAKey": "public_key"}
"""Beside which field a refusal of a plan is said."""


@bp.get(_PAGE, endpoint="controller")
@needs(OWNER)
def controller_page() -> ResponseReturnValue:
    """Show what is planned, with a dry run of it; or ask for a plan."""
    return _page()


@bp.post(f"{_PAGE}/plan", endpoint="plan_controller")
@needs(OWNER)
def plan_controller() -> ResponseReturnValue:
    """Plan a change, or plan it anew. Nobody is told."""
    if (answer := ask_again(url_for(".controller"))) is not None:
        return answer
    form, now = PlanForm(), utcnow()
    if not form.validate():
        only_read()
        return _page(plan_form=form), 422
    try:
        change = controller.plan(_said(form), now=now)
    except controller.UnderWay as error:
        return _refused(error)
    except DomainError as error:
        db.session.rollback()
        only_read()
        field: Any = form[_BY_FIELD[type(error).__name__]]
        field.errors = [error.say()]
        return _page(plan_form=form), 422
    day = change.changes_on.isoformat()
    trail.record("controller.planned", "controller", change.id, now=now, day=day, way=change.way)
    db.session.commit()
    return _done("planned")


_VERBS = {"announced": "controller.announced", "begun": "controller.begun"}


@bp.post(f"{_PAGE}/announce", endpoint="announce_controller")
@needs(OWNER)
def announce_controller() -> ResponseReturnValue:
    """Tell everybody; the window begins."""
    return _named("announced", "announce_form", controller.announce)


@bp.post(f"{_PAGE}/hand-over", endpoint="hand_over_controller")
@needs(OWNER)
def hand_over_controller() -> ResponseReturnValue:
    """Begin the hand-over, on its day or after it."""
    return _named("begun", "begin_form", controller.begin)


def _named(what: str, form_name: str, verb: Any) -> ResponseReturnValue:
    """Do what is asked twice: by who one is, and by the new one's name."""
    if (answer := ask_again(url_for(".controller"))) is not None:
        return answer
    form, now = NameForm(), utcnow()
    change = controller.live(to_write=True) or abort(404)
    if not form.validate():
        only_read()
        return _page(**{form_name: form}), 422
    try:
        controller.refuse_other_name(change, str(form.typed.data))
        verb(change, now=now)
    except controller.NameDiffers as error:
        db.session.rollback()
        only_read()
        form.typed.errors = [error.say()]
        return _page(**{form_name: form}), 422
    except DomainError as error:
        return _refused(error)
    trail.record(_VERBS[what], "controller", change.id, now=now, way=change.way)
    db.session.commit()
    return _done(what)


@bp.post(f"{_PAGE}/stop", endpoint="stop_controller")
@needs(OWNER)
def stop_controller() -> ResponseReturnValue:
    """Call it off, until the hand-over has begun."""
    if (answer := ask_again(url_for(".controller"))) is not None:
        return answer
    form, now = StopForm(), utcnow()
    change = controller.live(to_write=True) or abort(404)
    if not form.validate():
        only_read()
        return _page(stop_form=form), 422
    try:
        controller.stop(change, now=now)
    except DomainError as error:
        return _refused(error)
    trail.record("controller.stopped", "controller", change.id, now=now, way=change.way)
    db.session.commit()
    return _done("stopped")


@bp.post(f"{_PAGE}/<int(max=2147483647):change_id>/package", endpoint="controller_package")
@needs(OWNER)
def controller_package(change_id: int) -> ResponseReturnValue:
    """Answer with the package, a record at a time; that it was fetched is on the trail."""
    if (answer := ask_again(url_for(".controller"))) is not None:
        return answer
    if not EmptyForm().validate_on_submit():
        abort(400)
    change, now = db.session.get(ControllerChange, change_id) or abort(404), utcnow()
    if change.way != DATA or change.done_at is None or not package.count(change)[0]:
        abort(404)
    change.fetched_at = now
    trail.record("controller.fetched", "controller", change.id, now=now)
    file, name = package.pieces(change, now=now), f"{change.code}.handover"
    db.session.commit()
    return attachment(streamed(file), "application/octet-stream", name)


# -- How ----------------------------------------------------------------------------------


def _said(form: PlanForm) -> controller.NewController:
    day = form.changes_on.data
    assert day is not None  # it is required
    lines = [line.strip() for line in str(form.address.data).splitlines()]
    words = {language: str(form[f"words_{language}"].data or "") for language in OWN_WORDS}
    return controller.NewController(
        name=" ".join(str(form.name.data).split()),
        address=[line for line in lines if line],
        email=str(form.email.data),
        country=str(form.country.data),
        way=str(form.way.data),
        changes_on=day,
        public_key=str(form.public_key.data or ""),
        texts={language: text for language, text in words.items() if text},
    )


def _page(error: DomainError | None = None, **forms: Form) -> str:
    now = utcnow()
    shop()  # without a place, its error leads to the first steps
    change = controller.live()
    return render_template(
        "owner/controller.html",
        change=change,
        error=error.say() if error else "",
        done=just_done(_DONE),
        first_day=long_day(controller.first_day(now=now)),
        over=[_over(one) for one in controller.former_ones()],
        at=at_place(),
        empty=EmptyForm(formdata=None),
        **(_dry_run(change, now=now) if change else {}),
        **about(change),
        **{
            "plan_form": PlanForm(formdata=None, data=_known(change)),
            "announce_form": NameForm(formdata=None),
            "begin_form": NameForm(formdata=None),
            "stop_form": StopForm(formdata=None),
            **forms,
        },
    )


def _known(change: ControllerChange | None) -> dict[str, Any]:
    if change is None:
        return {"way": SITE}
    words = {f"words_{language}": text for language, text in change.texts.items()}
    return {
        "name": change.name,
        "address": "\n".join(change.address),
        "email": change.email,
        "country": change.country,
        "changes_on": change.changes_on,
        "way": change.way,
        "public_key": change.public_key,
        **words,
    }


def _dry_run(change: ControllerChange, *, now: datetime) -> dict[str, Any]:
    """Return whom and what the next steps concern. Changes nothing."""
    not_yet = ""
    try:
        controller.refuse_before_its_time(change, now=now)
    except DomainError as error:
        not_yet = error.say()
    planned = change.announced_at is None
    told = len(telling.people(telling.everybody(), now=now)) if planned else 0
    return {
        "forecast": forecast(change, now=now),
        "would_tell": told,
        "told": None if planned else _told(change),
        "previews": [
            (
                language,
                current_locale().languages.get(language, language),
                preview(change, language),
            )
            for language in LANGUAGES
        ],
        "not_yet": not_yet,
    }


def _told(change: ControllerChange) -> Counts:
    try:
        return telling.counts(change.code)
    except MatterUnknown:
        return Counts()


def _over(change: ControllerChange) -> dict[str, Any]:
    records, size = package.count(change) if change.way == DATA else (0, 0)
    until = change.done_at + HANDOVER_KEPT if change.done_at and records else None
    return {
        "change": change,
        "day": long_day(change.changes_on),
        "records": records,
        "size": size,
        "until": until,
    }


def _refused(error: DomainError) -> ResponseReturnValue:
    db.session.rollback()
    only_read()
    return _page(error), 409


def _done(what: str) -> ResponseReturnValue:
    return redirect(url_for(".controller", done=what), 303)


def _live_ones(_now: datetime) -> sa.Select[Any]:
    return (
        sa.select(sa.func.count())
        .select_from(ControllerChange)
        .where(ControllerChange.live.is_not(None))
    )


def _need(now: datetime) -> str:
    """Return the line of the first page on the day of a change."""
    change = controller.live()
    if change is None:
        return ""
    try:
        controller.refuse_before_its_time(change, now=now)
    except DomainError:
        return ""
    return gettext("The day on which %(name)s is to become responsible has come.", name=change.name)


whats_needed.register("controller", None, "owner.controller", count=_live_ones, look=_need)
