"""The owner's pages about the end of the service: plan, dry run, begin, follow, stop (C13)."""

from collections.abc import Iterator
from typing import Any

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.booking.shop import shop
from app.booking.wording import long_day
from app.continuity import closing, closing_money, closing_people, closing_rehearsal
from app.continuity.closing import BadDay, Days, PlaceUntyped
from app.continuity.closing_models import DONE, PLANNED, RUNNING, STOPPED, Closing
from app.continuity.closing_routes import what_word
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.languages import BY_CODE, N_, current_locale, gettext
from app.core.languages import lazy_gettext as _l
from app.core.money import format_money
from app.owner.just_done import just_done
from app.owner.roles import sensitive
from app.owner.routes import at_place, bp
from app.owner.trail import record
from app.policy import facts, telling
from app.privacy import planning
from app.web.fields import DateField, TextField
from app.web.forms import EmptyForm, Form

_DONE = {
    "planned": N_("The plan is written down. Nothing has happened yet, and only owners see it."),
    "withdrawn": N_("The plan is thrown away. Nothing had happened."),
    "begun": N_(
        "It has begun. Nothing after the last day can be booked any more; the rest is done within "
        "minutes, and this page says how far it is."
    ),
    "moved": N_("The days have moved, and everybody is being told."),
    "stopped": N_(
        "The closing is called off. The line on every page is gone, what is free can be booked "
        "again, and everybody is being told. What was paid back stays paid back."
    ),
}
_STEPS = {
    "announced": N_("Announced on every page; mails and messages are on their way"),
    "refunded": N_("Everything after the last day is cancelled, and paid back"),
    "ended": N_("The last day is over; downloads are open"),
    "shut": N_("Downloads are over; the erasure begins"),
    "erased": N_("Everybody is erased, but those who own the place"),
    "cleared": N_("What visitors left without a name is deleted"),
    "certified": N_("The certificate is signed"),
}
_OPEN = {
    planning.STAY: N_("A reservation that isn’t over"),
    planning.UNPAID: N_("A sum that is still to be paid"),
    planning.PAYMENT: N_("A payment on its way"),
    planning.REFUND: N_("A refund on its way"),
    planning.DISPUTE: N_("A payment that a bank is looking into"),
}


class DaysForm(Form):
    """The three days of a plan."""

    last_day = DateField(
        _l("The last day"),
        required=_l("Please enter the last day."),
        why=_l("Guests leave on it at the latest, and sessions start on it at the latest."),
        collects=(),
    )
    downloads_until = DateField(
        _l("Data can be taken along until"),
        required=_l("Please enter until when data can be taken along."),
        why=_l("This day included."),
        collects=(),
    )
    erase_on = DateField(
        _l("Everything is erased on"),
        required=_l("Please enter the day of the erasure."),
        why=_l("It begins on that day by itself."),
        collects=(),
    )

    def days(self) -> Days:
        """Return what was typed."""
        last, until, erase = self.last_day.data, self.downloads_until.data, self.erase_on.data
        assert last is not None
        assert until is not None
        assert erase is not None
        return Days(last, until, erase)


class BeginForm(Form):
    """Type the place's name: from here on money goes back, and later everything goes."""

    place = TextField(
        _l("The name of the place"),
        required=_l("Please type the name of the place."),
        why=_l("So that nothing of this begins by a slip of the finger."),
        collects=(),
        autocomplete="off",
    )


@bp.get("/closing", endpoint="closing")
@sensitive("owner.closing")
def closing_page() -> ResponseReturnValue:
    """Show the plan, or propose one; or how far it is."""
    return _page()


@bp.get("/closing/rehearsal")
@sensitive("owner.closing")
def closing_rehearsal_page() -> ResponseReturnValue:
    """Show whom and what each step would meet, without changing anything."""
    now = utcnow()
    found = closing.live()
    days = closing.days_of(found) if found else closing.proposed(now=now)
    seen = closing_rehearsal.rehearse(days, now=now)
    return render_template(
        "owner/closing_rehearsal.html",
        seen=seen,
        planned=found is not None,
        languages_by_code=BY_CODE,
        **_words(),
    )


@bp.post("/closing/plan")
@sensitive("owner.closing")
def plan_closing() -> ResponseReturnValue:
    """Write a plan down."""
    form = DaysForm()
    if not form.validate():
        return _page(days_form=form), 422
    now = utcnow()
    try:
        found = closing.plan(form.days(), now=now)
    except DomainError as error:
        return _refused(error, days_form=form)
    _record("closing.planned", found)
    db.session.commit()
    return _done("planned")


@bp.post("/closing/withdraw")
@sensitive("owner.closing")
def withdraw_closing() -> ResponseReturnValue:
    """Throw a plan away that hasn't begun."""
    if not EmptyForm().validate_on_submit():
        abort(400)
    number = (closing.live() or abort(404)).id
    try:
        closing.withdraw(now=utcnow())
    except DomainError as error:
        return _refused(error)
    record("closing.withdrawn", "closing", number, now=utcnow())
    db.session.commit()
    return _done("withdrawn")


@bp.post("/closing/begin")
@sensitive("owner.closing")
def begin_closing() -> ResponseReturnValue:
    """Begin what was planned, for whoever types the place's name."""
    form = BeginForm()
    if not form.validate():
        return _page(begin_form=form), 422
    try:
        found = closing.begin(typed=str(form.place.data), now=utcnow())
    except DomainError as error:
        return _refused(error, begin_form=form)
    _record("closing.begun", found)
    db.session.commit()
    return _done("begun")


@bp.post("/closing/move")
@sensitive("owner.closing")
def move_closing() -> ResponseReturnValue:
    """Move days later, and have everybody told."""
    form = DaysForm()
    if not form.validate():
        return _page(days_form=form), 422
    try:
        found = closing.move(form.days(), now=utcnow())
    except DomainError as error:
        return _refused(error, days_form=form)
    _record("closing.moved", found)
    db.session.commit()
    return _done("moved")


@bp.post("/closing/stop")
@sensitive("owner.closing")
def stop_closing() -> ResponseReturnValue:
    """Call it off, as long as nothing is erased."""
    if not EmptyForm().validate_on_submit():
        abort(400)
    if closing.current() is None:
        abort(404)
    try:
        found = closing.stop(now=utcnow())
    except DomainError as error:
        return _refused(error)
    _record("closing.stopped", found)
    db.session.commit()
    return _done("stopped")


# -- The page -----------------------------------------------------------------------------


def _page(
    *, days_form: DaysForm | None = None, begin_form: BeginForm | None = None, error: str = ""
) -> str:
    if days_form is not None or begin_form is not None or error:
        only_read()
    now, found = utcnow(), closing.current()
    if days_form is None:
        known = found if found is not None and found.state in (PLANNED, RUNNING) else None
        days = closing.days_of(known) if known else closing.proposed(now=now)
        days_form = DaysForm(formdata=None, obj=days)
    running = found if found is not None and found.state == RUNNING else None
    return render_template(
        "owner/closing.html",
        closing=found,
        planned=found is not None and found.state == PLANNED,
        running=running,
        stopped=found is not None and found.state == STOPPED,
        is_done=found is not None and found.state == DONE,
        steps=list(_steps(found)) if found else [],
        told=list(_told(found)) if found and found.begun_at else [],
        waits=list(closing_people.whom_it_waits_for(now=now))
        if running and running.erasing_at
        else [],
        begun=closing_money.begun_beyond(running.last_day, shop().venue, now=now)
        if running and not running.erasing_at
        else [],
        done=just_done(_DONE),
        error=error,
        days_form=days_form,
        begin_form=begin_form or BeginForm(formdata=None),
        form=EmptyForm(formdata=None),
        place=shop().venue.name,
        at=at_place(),
        least={
            name: facts.worded(facts.facts()[name], current_locale())
            for name in ("closing_notice", "closing_downloads", "closing_erased")
        },
        **_words(),
    )


def _words() -> dict[str, Any]:
    currency = shop().venue.currency
    return {
        "day": long_day,
        "word": what_word,
        "ground": gettext,
        "sum": lambda minor: format_money(minor, currency, current_locale()),
        "open_word": lambda kind: gettext(_OPEN[kind]),
    }


def _steps(found: Closing) -> Iterator[tuple[str, bool]]:
    """Yield each step in words, and whether it is done."""
    names = list(_STEPS)
    so_far = names.index(found.stage) + 1 if found.stage in names else 0
    for place, words in enumerate(_STEPS.values()):
        yield gettext(words), place < so_far


def _told(found: Closing) -> Iterator[tuple[str, telling.Counts]]:
    """Yield what people were told of a plan: its subject, and how many know."""
    whats = [
        ("announced", gettext("That we close")),
        *((f"moved-{n}", gettext("That the days moved")) for n in range(1, found.moved + 1)),
        ("ended", gettext("That we have closed")),
        ("stopped", gettext("That we stay open")),
    ]
    for what, words in whats:
        try:
            yield words, telling.counts(f"{closing.code_of(found)}-{what}")
        except telling.MatterUnknown:
            continue


def _refused(
    error: DomainError, *, days_form: DaysForm | None = None, begin_form: BeginForm | None = None
) -> ResponseReturnValue:
    """Show the page again, with what is wrong beside the field that it is about."""
    db.session.rollback()
    if isinstance(error, BadDay) and days_form is not None:
        days_form[error.field].errors = [error.say()]
        return _page(days_form=days_form), 422
    if isinstance(error, PlaceUntyped) and begin_form is not None:
        begin_form.place.errors = [error.say()]
        return _page(begin_form=begin_form), 422
    return _page(error=error.say()), 409


def _record(verb: str, found: Closing) -> None:
    record(
        verb,
        "closing",
        found.id,
        now=utcnow(),
        last_day=found.last_day.isoformat(),
        erase_on=found.erase_on.isoformat(),
    )


def _done(what: str) -> ResponseReturnValue:
    return redirect(url_for("owner.closing", done=what), 303)
