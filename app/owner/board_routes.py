"""The board's pages: days and rooms at a glance, who comes to a session, and blocked rooms."""

from datetime import date, timedelta
from itertools import groupby
from typing import Any

from flask import abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import READER, STAFF
from app.accounts.readings import LIST
from app.booking import wording
from app.booking.catalogue import text
from app.booking.changing import NightsFull
from app.booking.holds import release_run_out
from app.booking.inventory import PlacesTaken, full_nights
from app.booking.models import Block, UnitRow
from app.booking.rooms import block, unblock
from app.booking.shop import Shop, shop
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.owner import board as reading
from app.owner import board_words as words
from app.owner import trail
from app.owner.board_forms import BlockForm, DayForm, read_start
from app.owner.board_line_routes import explained, rooms
from app.owner.readings import noted
from app.owner.roles import may_use, needs
from app.owner.routes import bp
from app.web.forms import EmptyForm


@bp.get("/board", endpoint="board")
@needs(READER)
def board_page() -> ResponseReturnValue:
    """Show units and nights, and sessions as lanes."""
    here = shop()
    now, form = utcnow(), DayForm()
    today = now.astimezone(here.venue.zone).date()
    days = request.args.get("days", "14")
    if days not in map(str, reading.SPANS):
        abort(404)
    valid = form.validate()
    first = form.from_day.data if valid and form.from_day.data else today
    if not date(2000, 1, 1) <= first <= date(2200, 1, 1):
        first = today
    form.from_day.data = form.from_day.data or first
    found = reading.board(here.catalogue, first, int(days), now=now)
    page = render_template("owner/board.html", **_shown(found, form, today, here))
    return noted(page, found.persons, LIST), 200 if valid else 422


def _shown(found: reading.Board, form: DayForm, today: date, here: Shop) -> dict[str, Any]:
    acts = may_use("owner.board_line")
    # Reservations by telephone are another page's; a room can be blocked from here in any case.
    to = "owner.by_phone" if "owner.by_phone" in current_app.view_functions else "owner.board_block"
    # Hundreds of addresses, put together in the template: what comes before a number and after.
    line_to, tail = _around(
        url_for("owner.board_line", line_id=0)
        if acts
        else url_for("owner.reservation", reference="_")
    )
    block_to, _ = _around(url_for("owner.board_blocked", block_id=0))
    more = f"{tail}&" if tail else "?"
    return {
        "board": found,
        "form": form,
        "today": today,
        "zone": here.venue.zone,
        "earlier": found.first - timedelta(days=7),
        "later": found.first + timedelta(days=7),
        "spans": reading.SPANS,
        "months": [
            (wording.month_title(next(days)), 1 + sum(1 for _ in days))
            for _, days in groupby(found.days, key=lambda day: (day.year, day.month))
        ],
        "weekdays": wording.weekdays(),
        "text": text,
        "tell": words.teller(),
        "states": [(state, words.state_word(state)) for state in words.STATES],
        "may_act": acts,
        "done": words.done_word(request.args.get("done", "")),
        "free_to": f"{_path(url_for(to))}{more}" if acts else "",
        "line_to": line_to,
        "block_to": block_to,
        "tail": tail,
        "session_to": f"{_path(url_for('owner.board_session'))}{more}offer=",
    }


def _path(address: str) -> str:
    return address.partition("?")[0]


def _around(address: str) -> tuple[str, str]:
    """Return an address up to the last letter of its path, and what is asked for after it.

    Whoever keeps no cookie carries their language there.
    """
    path, _, asked = address.partition("?")
    return path[:-1], f"?{asked}" if asked else ""


@bp.get("/board/session")
@needs(READER)
def board_session() -> ResponseReturnValue:
    """Show who comes to a session."""
    here = shop()
    at, offer_id = read_start(request.args.get("at", "")), request.args.get("offer", "")
    offer = here.catalogue.sessions_by_id.get(int(offer_id)) if offer_id.isdecimal() else None
    if at is None or offer is None:
        abort(404)
    found = reading.parties(offer.id, at, now=utcnow())
    page = render_template(
        "owner/board_session.html",
        name=text(offer.texts, "name"),
        when=wording.day_and_time(at, here.venue.zone),
        day=at.astimezone(here.venue.zone).date(),
        parties=found,
        taken=sum(one.adults + one.children for one in found),
        seats=offer.seats,
        may_act=may_use("owner.board_line"),
    )
    return noted(page, {one.person_id for one in found if one.person_id and one.guest}, LIST)


# -- Blocks ---------------------------------------------------------------------------------


@bp.route("/board/block", methods=["GET", "POST"])
@needs(STAFF)
def board_block() -> ResponseReturnValue:
    """Keep a room from guests."""
    if request.method == "POST":
        release_run_out(now=utcnow())
    here, now, form = shop(), utcnow(), BlockForm(units=rooms())
    if not form.is_submitted():
        _fill(form)
    elif form.validate():
        today = now.astimezone(here.venue.zone).date()
        assert form.first.data  # both are required
        assert form.until.data
        try:
            made = block(
                int(form.unit.data), form.first.data, form.until.data, str(form.reason.data),
                today=today, now=now,
            )  # fmt: skip
        except DomainError as error:
            only_read()
            if isinstance(error, PlacesTaken):
                error = NightsFull(full_nights(db.session.connection(), error.claims))
            form.form_errors.append(explained(error))
            return render_template("owner/board_block.html", form=form), 409
        trail.record(
            "unit.blocked", "unit", made.unit_id, now=now,
            first=str(made.first), until=str(made.until), reason=made.reason,
        )  # fmt: skip
        first = made.first
        db.session.commit()
        return redirect(_board_at(first, "block"), 303)
    status = 422 if form.is_submitted() else 200
    return render_template("owner/board_block.html", form=form), status


def _fill(form: BlockForm) -> None:
    """Fill in the room and nights that a free cell of the board leads with."""
    form.unit.data = request.args.get("unit", "")
    for field, name in ((form.first, "arrive"), (form.until, "depart")):
        try:
            field.data = date.fromisoformat(request.args.get(name, ""))
        except ValueError:
            field.data = None
    form.reason.data = "repair"


def _board_at(day: date, done: str) -> str:
    values: dict[str, Any] = {"from": day, "done": done}
    return url_for(".board", **values)


@bp.route("/board/blocks/<int(max=2147483647):block_id>", methods=["GET", "POST"])
@needs(STAFF)
def board_blocked(block_id: int) -> ResponseReturnValue:
    """Show a block, and give its nights back to guests."""
    found = db.session.get(Block, block_id) or abort(404)
    form = EmptyForm()
    if not form.is_submitted() or not form.validate():
        unit = db.session.get_one(UnitRow, found.unit_id)
        page = render_template(
            "owner/board_blocked.html",
            block=found,
            unit=unit.name,
            offer=text(unit.offer.texts, "name"),
            reason=words.reason_word(found.reason),
            form=form,
        )
        return page, 422 if form.is_submitted() else 200
    first, unit_id = found.first, found.unit_id
    unblock(block_id)
    trail.record(
        "unit.unblocked", "unit", unit_id, now=utcnow(), first=str(first), until=str(found.until)
    )
    db.session.commit()
    return redirect(_board_at(first, "unblock"), 303)
