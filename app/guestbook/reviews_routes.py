"""Reviews: a guest writes, looks, agrees and takes back; everybody reads what is agreed to."""

from collections.abc import Sequence
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from app.accounts.claims import persons_of
from app.accounts.sessions import current_account
from app.booking.catalogue import text
from app.booking.links import guest_key, guest_url, reservation_at_link
from app.booking.models import Reservation, ReservationLine
from app.booking.shop import NothingOnOffer, shop
from app.consent import permissions
from app.consent.words import permission_lines
from app.core.clock import utcnow
from app.core.database import db
from app.core.datamap import Purpose
from app.core.errors import DomainError
from app.core.languages import BY_CODE, current_language, gettext
from app.guestbook import reviews, reviews_public
from app.guestbook.reviews_forms import AgreeForm, ReviewForm
from app.guestbook.reviews_house import BECAUSE
from app.guestbook.reviews_models import DECLINED, DRAFT, WITHDRAWN, Review
from app.guestbook.reviews_words import delicate, state_word
from app.web.errors import error_page
from app.web.forms import EmptyForm
from app.web.pages import private_page

bp = Blueprint("reviews", __name__)

_OF_LINE = "/reservations/<reference>/reviews/<int(max=2147483647):line_id>"
_MOST_PAGES = 1000


# -- What everybody reads ---------------------------------------------------------------------


@bp.get("/reviews")
def show() -> ResponseReturnValue:
    """Show what guests agreed to have shown, the latest first, and how much isn't shown."""
    page = request.args.get("page", "1")
    if not (page.isascii() and page.isdigit() and 0 < int(page[:5]) <= _MOST_PAGES):
        abort(404)
    offer, now = None, utcnow()
    if slug := request.args.get("offer"):
        offer = shop().catalogue.offers_by_slug.get(slug) or abort(404)
    rows, more = reviews_public.page_of(int(page[:5]), offer.id if offer else None, now=now)
    return _not_kept(
        render_template(
            "guestbook/reviews.html",
            rows=rows,
            more=more,
            page=int(page[:5]),
            offer=offer,
            offer_name=text(offer.texts, "name") if offer else "",
            decided=reviews_public.decided(),
            tag=_tag,
        )
    )


@bp.get("/reviews/<key>")
def item(key: str) -> ResponseReturnValue:
    """Show one review at its own address, as long as its guest agrees; 410 after that."""
    if not (key.isascii() and len(key) == 24):
        abort(404)
    found = reviews_public.by_key(key, now=utcnow())
    if found is not None:
        return _not_kept(render_template("guestbook/reviews_one.html", one=found, tag=_tag))
    if not reviews_public.was_there(key):
        abort(404)
    g.private = True
    return error_page(
        410,
        gettext("Whoever wrote it has taken it back, or we don’t show it any more."),
        gettext("This review is gone"),
    )


def _not_kept(page: str) -> Response:
    """Answer with a page that nobody on its way may keep: what is taken back is gone at once."""
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


def _tag(language: str) -> str:
    return BY_CODE[language].tag if language in BY_CODE else language


@bp.app_context_processor
def _parts() -> dict[str, Any]:
    """Let the pages of offers, reservations and accounts show reviews."""
    return {
        "reviews_of_offer": of_offer,
        "reviews_of_reservation": of_reservation,
        "reviews_of_account": of_account,
    }


def of_offer(offer_id: int) -> dict[str, Any]:
    """Return the latest reviews of an offer, for its page. One statement."""
    rows, more = reviews_public.of_offer(offer_id, now=utcnow())
    return {"rows": rows, "more": more, "tag": _tag}


# -- Its guest's ------------------------------------------------------------------------------


def of_reservation(reservation: Reservation) -> dict[str, Any] | None:
    """Return what its guest may write, or wrote, of a reservation; None where there is nothing."""
    try:
        lines = reviews.may_review(reservation, shop().venue, now=utcnow())
    except NothingOnOffer:
        return None
    written = reviews.of_reservation(reservation.id)
    if not lines and not written:
        return None
    return {
        "rows": [_row(written[line_id], reservation) for line_id in sorted(written)],
        "open": [
            (_offer_word(line), _url("write", reservation, line.id))
            for line in lines
            if line.id not in written
        ],
        **_frame([reservation.person_id] if reservation.person_id else []),
    }


def of_account() -> dict[str, Any] | None:
    """Return what whoever is signed in wrote; None where there is nothing."""
    who = current_account()
    persons = persons_of(who) if who else []
    rows = [_row(one, one.reservation) for one in reviews.of_persons(persons)]
    return {"rows": rows, "open": [], **_frame(persons)} if rows else None


def _frame(persons: Sequence[str]) -> dict[str, Any]:
    lines = permission_lines(permissions.history(persons, Purpose.PUBLIC))
    return {"lines": lines, "form": EmptyForm(formdata=None)}


def _row(review: Review, reservation: Reservation) -> dict[str, Any]:
    return {
        "id": review.id,
        "offer": _offer_word(review.line),
        "state": state_word(review.state),
        "because": gettext(BECAUSE[review.because or "law"]) if review.state == DECLINED else "",
        "agreed": review.recipient is not None,
        "look": _url("look", reservation, review.line_id),
        "change": _url("write", reservation, review.line_id),
        "withdraw": _url("withdraw", reservation, review.line_id),
        "forget": _url("forget", reservation, review.line_id),
    }


def _offer_word(line: ReservationLine) -> str:
    return text({code: {"name": name} for code, name in line.label.items()}, "name")


def _url(view: str, reservation: Reservation, line_id: int) -> str:
    return url_for(
        f"reviews.{view}",
        reference=reservation.reference,
        line_id=line_id,
        key=guest_key(reservation),
    )


# -- Writing ----------------------------------------------------------------------------------


@bp.route(_OF_LINE, methods=["GET", "POST"])
@private_page
def write(reference: str, line_id: int) -> ResponseReturnValue:
    """Write about something that one stayed in, or change it; nothing is shown by that."""
    found, line = _find(reference, line_id)
    known = reviews.of_reservation(found.id).get(line_id)
    name = found.person.name if found.person else ""
    form = ReviewForm(name, data=_known(known))
    status = 422 if form.is_submitted() else 200
    now, venue = utcnow(), shop().venue
    if line not in reviews.may_review(found, venue, now=now):
        return _no_stay(reviews.NoStay())
    if form.validate_on_submit():
        said, language = form.written, current_language()
        try:
            reviews.write(line, said, language=language, venue=venue, now=now)
            db.session.commit()
        except DomainError as error:
            db.session.rollback()  # cancelled while it was typed
            return _no_stay(error)
        return redirect(_url("look", reservation_at_link(reference), line_id), 303)
    page = render_template(
        "guestbook/review.html",
        form=form,
        offer=_offer_word(line),
        shown=known is not None and known.recipient is not None,
        action=_url("write", found, line_id),
        back=guest_url(found),
    )
    return page, status


def _no_stay(error: DomainError) -> ResponseReturnValue:
    return error_page(409, error.say(), gettext("Not yet"))


def _known(review: Review | None) -> dict[str, Any]:
    if review is None:
        return {}
    return {
        "text": review.text,
        "rating": review.rating or "",
        "named": review.named,
        "with_month": review.with_month,
        "country": review.country,
    }


# -- Looking, agreeing, taking back -----------------------------------------------------------


@bp.get(f"{_OF_LINE}/look")
@private_page
def look(reference: str, line_id: int) -> ResponseReturnValue:
    """Show exactly what everybody would read, with all that there is to know before a yes."""
    found, review = _review(reference, line_id)
    return _look(found, review, AgreeForm(delicate(review.text or ""), formdata=None))


@bp.post(f"{_OF_LINE}/agree")
@private_page
def agree(reference: str, line_id: int) -> ResponseReturnValue:
    """Write down the yes to the very item that was shown."""
    found, review = _review(reference, line_id)
    form, how = AgreeForm(delicate(review.text or "")), permissions.RESERVATION
    if not form.validate_on_submit():
        return _look(found, review, form), 422
    try:
        reviews.agree(review, str(form.seen.data), venue=shop().venue, how=how, now=utcnow())
        db.session.commit()
    except DomainError as error:
        db.session.rollback()
        found, review = _review(reference, line_id)
        form.form_errors.append(error.say())
        return _look(found, review, form), 409
    return redirect(f"{guest_url(reservation_at_link(reference))}#reviews", 303)


@bp.post(f"{_OF_LINE}/withdraw")
@private_page
def withdraw(reference: str, line_id: int) -> ResponseReturnValue:
    """Take a review off the site: it is gone with this very press."""
    _, review = _review(reference, line_id)
    reviews.withdraw(review, how=permissions.RESERVATION, now=utcnow())
    db.session.commit()
    return redirect(f"{guest_url(reservation_at_link(reference))}#reviews", 303)


@bp.post(f"{_OF_LINE}/forget")
@private_page
def forget(reference: str, line_id: int) -> ResponseReturnValue:
    """Delete what one wrote."""
    _, review = _review(reference, line_id)
    reviews.forget(review, how=permissions.RESERVATION, now=utcnow())
    db.session.commit()
    return redirect(f"{guest_url(reservation_at_link(reference))}#reviews", 303)


def _look(found: Reservation, review: Review, form: AgreeForm) -> str:
    g.page_path = f"/reservations/{found.reference}/reviews/{review.line_id}/look"
    shown = reviews.item_of(review, shop().venue)
    form.seen.data = shown.recipient
    return render_template(
        "guestbook/review_look.html",
        one=reviews_public.Shown(shown, ""),
        tag=_tag,
        form=form,
        agreed=review.recipient == shown.recipient and review.state not in (DRAFT, WITHDRAWN),
        agree=_url("agree", found, review.line_id),
        change=_url("write", found, review.line_id),
        back=guest_url(found),
    )


def _find(reference: str, line_id: int) -> tuple[Reservation, ReservationLine]:
    """Return a reservation and a line of it; 404 without its key, as if there were none."""
    found = reservation_at_link(reference)
    line = next((one for one in found.lines if one.id == line_id), None)
    return found, line or abort(404)


def _review(reference: str, line_id: int) -> tuple[Reservation, Review]:
    found, _ = _find(reference, line_id)
    return found, reviews.of_reservation(found.id).get(line_id) or abort(404)
