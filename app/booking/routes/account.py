"""What somebody with an account sees first: their reservations, and the way to the rest."""

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from app.accounts.claims import claimable
from app.accounts.sessions import account_required, current_account
from app.booking.blueprint import bp
from app.booking.links import guest_url
from app.booking.mine import reservations_of
from app.booking.models import ASKED, Reservation
from app.booking.shop import shop
from app.booking.summary import SummaryLine, summary
from app.core.clock import utcnow
from app.web.forms import EmptyForm

# What a form that leads here may have done, for the page to say.
_DONE = ("claim", "claimed")


@bp.get("/account")
@account_required
def account() -> ResponseReturnValue:
    """Show what an account is for: the next stay first, then everything else."""
    who = current_account() or abort(404)
    mine = reservations_of(who, shop().venue, now=utcnow())
    done = request.args.get("done")
    return render_template(
        "booking/account.html",
        person=who.person,
        of_the_house=who.of_the_house,
        mine=mine,
        claimable=len(claimable(who)),
        done=done if done in _DONE else "",
        form=EmptyForm(),
        parts=_parts,
        total=_total,
        open_url=guest_url,
        venue=shop().venue,
    )


def _parts(reservation: Reservation) -> list[SummaryLine]:
    """Return what was booked, without what was only charged with it."""
    lines = summary(reservation).lines
    if reservation.kind == ASKED:
        return lines
    return [line for line in lines if line.kind in ("stay", "session")]


def _total(reservation: Reservation) -> str:
    return summary(reservation).total
