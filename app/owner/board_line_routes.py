"""A bar's page: what is booked, and everything that can be done about it from the board.

Every change is shown before it is done: an address says what should be different, its page
what would change, and a button on it does just that or says what is in the way.
"""

from datetime import datetime, timedelta
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import STAFF
from app.accounts.readings import RESERVATION
from app.booking import wording
from app.booking.catalogue import Venue, text
from app.booking.change_preview import preview
from app.booking.change_price import ANEW, KEPT, Change
from app.booking.changing import NightsFull, change, locked, tell_guest
from app.booking.holds import release_run_out
from app.booking.inventory import PlacesTaken
from app.booking.models import CONFIRMED, ReservationLine, UnitRow
from app.booking.presence import check_in, check_out, no_show, take_back
from app.booking.rooms import pin, unit_of
from app.booking.seating import UnitOccupied
from app.booking.shop import Shop, shop
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.languages import gettext
from app.owner import board as reading
from app.owner import board_words as words
from app.owner import payments, queries, trail
from app.owner.board_forms import NoteForm, WishForm, YesForm, read_start
from app.owner.readings import noted
from app.owner.roles import may_use, needs
from app.owner.routes import bp
from app.owner.words import status_word
from app.web.forms import EmptyForm

LINE = "<int(max=2147483647):line_id>"
_STARTS_AHEAD = timedelta(days=28)
_MOST_DAYS = 10


@bp.get(f"/board/{LINE}")
@needs(STAFF)
def board_line(line_id: int) -> ResponseReturnValue:
    """Show a stay or session, and everything that can be done about it from here."""
    line, here = _line(line_id), shop()
    return _line_page(line, here, _wish_form(line, here, formdata=None))


def _line_page(line: ReservationLine, here: Shop, form: WishForm, problem: str = "") -> str:
    now, reservation = utcnow(), line.reservation
    unit = db.session.get(UnitRow, unit_of(line.id) or 0)
    surplus = max(0, reservation.paid_minor - reservation.total_minor)
    refund = next((one.payment.id for one in payments.payments_of(reservation) if one.left), None)
    names = queries.guest_names([reservation.person_id])
    page = render_template(
        "owner/board_line.html",
        line=line,
        reservation=reservation,
        guest=names.get(reservation.person_id or "", ""),
        unit=unit.name if unit else "",
        state=_state(line, here.venue, now=now),
        firm=reservation.status == CONFIRMED,
        is_ahead=line.arrive is not None and line.arrive > now.astimezone(here.venue.zone).date(),
        day=line.arrive or (line.starts_at or now).astimezone(here.venue.zone).date(),
        zone=here.venue.zone,
        form=form,
        problem=problem,
        note=EmptyForm(formdata=None),
        surplus=surplus,
        refund=refund if surplus and may_use("owner.refund") else None,
        owed=max(0, reservation.total_minor - reservation.paid_minor),
        done=words.done_word(request.args.get("done", "")),
    )
    return noted(page, list(names), RESERVATION)


def _state(line: ReservationLine, venue: Venue, *, now: datetime) -> str:
    if line.kind == "session":
        return status_word(queries.shown_status(line.reservation, now=now))
    row = _Standing(line)
    return words.state_word(reading.state_of(row, now.astimezone(venue.zone).date()))


class _Standing:
    """What `state_of` asks of a row, of a line."""

    def __init__(self, line: ReservationLine) -> None:
        self.status = line.reservation.status
        self.arrive, self.depart = line.arrive, line.depart
        self.arrived_at, self.left_at = line.arrived_at, line.left_at
        self.no_show_at = line.no_show_at


@bp.route(f"/board/{LINE}/change", methods=["GET", "POST"])
@needs(STAFF)
def board_change(line_id: int) -> ResponseReturnValue:
    """Show what a change would do; do it on the yes to it."""
    if request.method == "POST":
        release_run_out(now=utcnow())
    line, here = _line(line_id), shop()
    form = _wish_form(line, here, formdata=request.args)
    yes = YesForm()
    if not form.validate():
        only_read()
        return _line_page(_line(line_id), here, form), 422
    wanted = _wanted(line, form)
    if not yes.is_submitted():
        return _preview_page(line, here, form, wanted, yes)
    if not yes.validate():
        only_read()
        return _preview_page(_line(line_id), here, form, wanted, yes, 422)
    try:
        _act(line, here, wanted, yes)
    except (DomainError, PlacesTaken) as error:
        only_read()
        yes.form_errors.append(explained(error))
        return _preview_page(_line(line_id), here, form, wanted, yes, 409)
    db.session.commit()
    done = "told" if yes.tell.data else "changed"
    return redirect(url_for(".board_line", line_id=line_id, done=done), 303)


def _act(line: ReservationLine, here: Shop, wanted: Change, yes: YesForm) -> None:
    now, price = utcnow(), str(yes.price.data)
    done = change(
        here.catalogue,
        line.id,
        wanted,
        price=price,
        expected=yes.expected.data if price == ANEW else 0,
        now=now,
    )
    if yes.tell.data:
        tell_guest(line.reservation_id, now=now)
    trail.record(
        _verb(done.before, done.after, wanted),
        "reservation",
        line.reservation_id,
        now=now,
        line=line.id,
        price=price,
        difference=done.difference_minor,
        moved=list(done.moved),
        told=bool(yes.tell.data),
        **{
            name: [str(getattr(done.before, name)), str(getattr(done.after, name))]
            for name in ("offer_id", "arrive", "depart", "starts_at", "adults", "children")
            if getattr(done.before, name) != getattr(done.after, name)
        },
    )


def _verb(before: Any, after: Any, wanted: Change) -> str:
    """Return what a change is called in the trail, by the largest of what it did."""
    if before.kind == "session":
        return "session.moved" if before.starts_at != after.starts_at else "session.seats_changed"
    if before.offer_id != after.offer_id:
        return "stay.offer_changed"
    if before.arrive != after.arrive:
        return "stay.moved"
    if before.depart != after.depart:
        return "stay.extended" if after.depart > before.depart else "stay.shortened"
    return "stay.reseated" if wanted.unit_id else "stay.party_changed"


def explained(error: Exception) -> str:
    """Return a refusal in words, with the nights or reservations that it is about."""
    if isinstance(error, NightsFull) and error.nights:
        days = gettext(", ").join(wording.short_day(night) for night in error.nights[:_MOST_DAYS])
        if len(error.nights) > _MOST_DAYS:
            days += " …"
        return gettext("Nothing has been changed: no room is left on %(days)s.", days=days)
    if isinstance(error, UnitOccupied) and error.line_ids:
        lines = [db.session.get(ReservationLine, line_id) for line_id in error.line_ids]
        references = gettext(", ").join(line.reservation.reference for line in lines if line)
        return f"{error.say()} ({references})"
    return error.say() if isinstance(error, DomainError) else PlacesTaken([]).say()


def _preview_page(
    line: ReservationLine,
    here: Shop,
    form: WishForm,
    wanted: Change,
    yes: YesForm,
    status: int = 200,
) -> ResponseReturnValue:
    now = utcnow()
    try:
        seen = preview(here.catalogue, line, wanted, KEPT, now=now)
    except DomainError as error:
        return _line_page(line, here, form, problem=error.say()), 409
    try:
        anew = preview(here.catalogue, line, wanted, ANEW, now=now)
    except DomainError:  # not sold any more: only the agreed price is left
        anew = None
    difference = anew.draft.difference_minor if anew else 0
    yes.expected.data, yes.expected.raw_data = difference, None
    yes.price.data = yes.price.data or (ANEW if anew else KEPT)
    if anew is None or not difference:
        yes.price.choices = [one for one in yes.price.choices or [] if one.value == yes.price.data]
    unit = db.session.get(UnitRow, seen.unit_id or 0)
    was = db.session.get(UnitRow, unit_of(line.id) or 0)
    page = render_template(
        "owner/board_change.html",
        line=line,
        reservation=line.reservation,
        seen=seen,
        target=seen.target,
        difference=difference,
        total=line.reservation.total_minor,
        unit=unit.name if unit else "",
        was=was.name if was else "",
        offer=here.catalogue.stays_by_id.get(seen.target.offer_id),
        text=text,
        yes=yes,
        zone=here.venue.zone,
    )
    return page, status


def _wanted(line: ReservationLine, form: WishForm) -> Change:
    """Return a wish as the domain takes it; what isn't said stays as it is."""
    arrive, depart = form.arrive.data or line.arrive, form.depart.data or line.depart
    by, longer = timedelta(days=form.by.data or 0), timedelta(days=form.longer.data or 0)
    unit = db.session.get(UnitRow, int(form.unit.data)) if form.unit.data else None
    return Change(
        arrive=arrive + by if arrive else None,
        depart=depart + by + longer if depart else None,
        offer_id=unit.offer_id if unit else None,
        unit_id=unit.id if unit else None,
        starts_at=read_start(form.start.data or ""),
        adults=form.adults.data,
        children=form.children.data,
    )


def _wish_form(line: ReservationLine, here: Shop, *, formdata: Any) -> WishForm:
    starts = []
    offer = here.catalogue.sessions_by_id.get(line.offer_id or 0)
    if line.starts_at and offer:
        day = line.starts_at.astimezone(here.venue.zone).date()
        ahead = offer.schedule.occurrences(day - _STARTS_AHEAD / 4, day + _STARTS_AHEAD)
        starts = [
            (one.starts_at.strftime("%Y-%m-%dT%H:%MZ"), _start_word(one.starts_at, here.venue))
            for one in ahead
            if one.starts_at > utcnow() and one.starts_at != line.starts_at
        ]
    return WishForm(
        formdata=formdata,
        units=rooms() if line.kind == "stay" else None,
        starts=starts,
        data={
            "arrive": line.arrive,
            "depart": line.depart,
            "adults": line.adults,
            "children": line.children,
        },
    )


def _start_word(at: datetime, venue: Venue) -> str:
    day = wording.short_day(at.astimezone(venue.zone).date())
    return gettext("%(day)s, %(time)s", day=day, time=wording.clock(at, venue.zone))


def rooms() -> dict[str, list[tuple[str, str]]]:
    """Return the rooms to choose from, by the name of their offer."""
    rooms: dict[str, list[tuple[str, str]]] = {}
    for unit_id, name, _, texts in reading.units():
        rooms.setdefault(text(texts, "name"), []).append((str(unit_id), name))
    return rooms


def _line(line_id: int) -> ReservationLine:
    found = db.session.get(ReservationLine, line_id)
    if found is None or not found.takes_places:
        abort(404)
    return found


# -- Who came, and who keeps their room -----------------------------------------------------


@bp.post(f"/board/{LINE}/note")
@needs(STAFF)
def board_note(line_id: int) -> ResponseReturnValue:
    """Note that they came, left or never came; take it back; keep them in their room."""
    form, here, now = NoteForm(), shop(), utcnow()
    line = _line(line_id)
    if not form.validate():
        abort(422)
    what, today = str(form.what.data), now.astimezone(here.venue.zone).date()
    try:
        line = locked(line_id)
        if what == "check_in":
            check_in(line, today=today, now=now)
        elif what == "check_out":
            check_out(line, today=today, now=now)
        elif what == "no_show":
            give_back = bool(form.give_back.data)
            no_show(here.catalogue, line, give_back=give_back, today=today, now=now)
        elif what == "undo":
            take_back(line)
        else:
            pin(line_id, pinned=what == "pin")
    except DomainError as error:
        only_read()
        line = _line(line_id)
        page = _line_page(line, here, _wish_form(line, here, formdata=None), error.say())
        return page, 409
    more = {"given_back": bool(form.give_back.data)} if what == "no_show" else {}
    trail.record(_NOTES[what], "reservation", line.reservation_id, now=now, line=line_id, **more)
    db.session.commit()
    if form.on_today.data:
        return redirect(url_for(".today", done=what, line=line_id), 303)
    return redirect(url_for(".board_line", line_id=line_id, done=what), 303)


_NOTES = {
    "check_in": "stay.checked_in",
    "check_out": "stay.checked_out",
    "no_show": "stay.no_show",
    "undo": "stay.note_taken_back",
    "pin": "stay.pinned",
    "unpin": "stay.unpinned",
}
