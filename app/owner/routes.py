"""The owner's pages. Nothing below /owner/ opens for anybody but those who run the place.

A page that shows persons notes so before it is answered with (`readings.noted`).
"""

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from app.accounts.models import OWNER, READER, STAFF
from app.accounts.readings import LIST, MAIL, MESSAGE, RESERVATION
from app.accounts.sessions import current_account
from app.accounts.words import role_word
from app.booking import wording
from app.booking.links import guest_url, pay_url
from app.booking.models import ASKED, Reservation
from app.booking.shop import NothingOnOffer, shop, zone_here
from app.booking.summary import summary
from app.core.clock import utcnow
from app.core.database import db, writing
from app.core.egress import MAIL_RELAY, Egress
from app.guestbook import messages
from app.guestbook.forms import MessageForm
from app.guestbook.models import GUEST
from app.owner import letters, payments, queries, reservation_page, search, trail, words
from app.owner.domain import renew_guest_link
from app.owner.masking import refuse_hidden, shown, shown_letters
from app.owner.readings import note, noted, persons_of_letters
from app.owner.roles import ask_again, may_use, needs, only_the_house
from app.owner.search_forms import STATUSES, FilterForm, FindForm
from app.payments import links
from app.payments.series import invoices_of, number_of
from app.web.attachments import attachment
from app.web.forms import EmptyForm
from app.web.pages import settings

bp = Blueprint("owner", __name__, url_prefix="/owner")

_MOST_PAGES = 10_000


bp.before_request(only_the_house)


@bp.errorhandler(NothingOnOffer)
def _nothing_yet(_error: NothingOnOffer) -> str:
    """Lead to the first bookable offer: without a place there is nothing to look at."""
    return render_template("owner/nothing.html")


@bp.context_processor
def _frame() -> dict[str, Any]:
    """Give every page of the owner's what its frame shows, and words for states."""
    account = current_account()
    return {
        "may_use": may_use,
        "own_role": role_word(account.role) if account else "",
        "role_word": role_word,
        "sign_out_form": EmptyForm(formdata=None),
        "label_word": words.label_word,
        "because_word": words.because_word,
        "money_word": words.money_word,
        "part_word": words.part_word,
        "refund_word": words.refund_word,
        "review_word": words.review_word,
        "status_word": words.status_word,
        "wording": wording,
    }


@bp.get("/reservations")
@needs(READER)
def reservations() -> ResponseReturnValue:
    """List reservations, newest first; whoever goes on reading says once more who they are."""
    filters = FilterForm()
    page = request.args.get("page", "1")
    if not _is_page(page) or request.args.get("status") not in ("", None, *STATUSES):
        abort(404)
    if filters.is_submitted() and not filters.validate():
        return _list(FindForm(formdata=None), [], filters=filters), 422
    if int(page) > 1 and (answer := ask_again(request.full_path)):
        return answer
    wanted = filters.wanted()
    rows, more = search.page_of(wanted, int(page), zone=zone_here(), now=utcnow())
    find_form = FindForm(formdata=None)
    return _list(find_form, rows, filters=filters, page=int(page), more=more)


@bp.post("/reservations")
@needs(READER)
def find() -> ResponseReturnValue:
    """Find by reference, which leads to the reservation, by e-mail address, or by name."""
    form, now = FindForm(), utcnow()
    if not form.validate():
        return _list(form, []), 422
    wanted = str(form.wanted.data)
    if "@" in wanted:
        return _list(form, queries.reservations_of(wanted, now=now))
    reference = wanted.upper().replace(" ", "")
    if queries.reservation_by_reference(reference) is None:
        return _list(form, search.by_name(wanted, now=now))
    return redirect(url_for(".reservation", reference=reference), 303)


@bp.get("/reservations/<reference>")
@needs(READER)
def reservation(reference: str) -> ResponseReturnValue:
    """Show everything about one reservation."""
    found = queries.reservation_by_reference(reference) or abort(404)
    return show_reservation(found)


def show_reservation(found: Reservation, form: MessageForm | None = None) -> str:
    """Return the page of a reservation, noted for its guest; `form`: an answer not sent yet."""
    person = shown(found.person)
    now, zone = utcnow(), shop().venue.zone
    may_renew, sums = may_use("owner.renew_link"), links.about(found)
    stands = links.states_of([found, *sums], now=now)
    link = pay_url if found.kind == ASKED and stands[found.id] == links.OPEN_LINK else None
    parts = reservation_page.parts(found, now=now, form=form)
    persons = [person.id] if person else []
    page = render_template(
        "owner/reservation.html",
        reservation=found,
        status=queries.shown_status(found, now=now),
        person=person,
        restricted=found.person is not None and person is None,
        summary=summary(found, masked=person is None),
        units=queries.unit_names([line.id for line in found.lines if line.kind == "stay"]),
        payments=payments.payments_of(found),
        papers=[number_of(paper) for paper in invoices_of(found.id)],
        may_refund=may_use("owner.refund"),
        may_look=may_use("owner.look_at_one"),
        dispute=partial(words.dispute_words, zone=zone, now=now),
        done=words.done_word(request.args.get("done", "")),
        agreements=queries.agreements_of(found),
        document_word=words.document_word,
        language_word=words.language_word,
        # Who has it may do what the guest may, so it isn't for who only reads.
        guest_link=guest_url(found, external=True) if person and may_renew else None,
        pay_link=link(found) if link and may_use("owner.withdraw_link") else None,
        sums=sums,
        stands=stands,
        link_word=words.link_word,
        about=links.booking_of(found),
        way_word=words.way_word,
        renew_form=EmptyForm(formdata=None),
        at=at_place(),
        **parts,
    )
    if parts["said"]:
        _read(found.id, persons, marks=parts["reads_now"], now=now)
    return noted(page, persons, RESERVATION)


def _read(reservation_id: int, persons: list[str], *, marks: bool, now: datetime) -> None:
    """Note that a thread was shown, and that the guest's messages in it are read."""
    note(persons, MESSAGE)
    if marks:
        with writing():
            messages.mark_read(reservation_id, GUEST, now=now)
            db.session.commit()


@bp.post("/reservations/<reference>/link")
@needs(STAFF)
def renew_link(reference: str) -> ResponseReturnValue:
    """End the guest's link and show a new one."""
    found = queries.reservation_by_reference(reference) or abort(404)
    # The link opens the guest's own page, with all that is on it.
    refuse_hidden(found.person_id)
    now = utcnow()
    renew_guest_link(found.id, now=now)
    trail.record("link.renewed", "reservation", found.id, now=now)
    db.session.commit()
    return redirect(url_for(".reservation", reference=reference, _anchor="link"), 303)


# Letters hold links that open other people's accounts, so they are for owners.


@bp.get("/mail")
@needs(OWNER)
def mail() -> ResponseReturnValue:
    """List the demo's letters; where mail is really sent, say so."""
    folder = _mail_folder()
    found = shown_letters(letters.newest(folder)) if folder else []
    persons = persons_of_letters(letter.name for letter in found)
    page = render_template("owner/mail.html", relay=folder is None, letters=found, at=at_place())
    return noted(page, persons, LIST)


@bp.get("/mail/<name>")
@needs(OWNER)
def letter(name: str) -> ResponseReturnValue:
    """Show one of the demo's letters."""
    found = _shown_letter(name)
    persons = persons_of_letters([name])
    return noted(render_template("owner/letter.html", letter=found, at=at_place()), persons, MAIL)


@bp.get("/mail/<name>/download")
@needs(OWNER)
def download_letter(name: str) -> Response:
    """Answer with a letter as it is, for a mail program to open."""
    _shown_letter(name)
    content = _letter(name).read_bytes()
    note(persons_of_letters([name]), MAIL)
    return attachment(content, "message/rfc822", name)


def _shown_letter(name: str) -> letters.Letter:
    """Return a letter to somebody whom the house may see; others are as if they weren't there."""
    found = letters.read(_letter(name))
    return found if shown_letters([found]) else abort(404)


def _letter(name: str) -> Path:
    folder = _mail_folder()
    return (letters.letter_file(folder, name) if folder else None) or abort(404)


def _mail_folder() -> Path | None:
    """Return where mails are put instead of being sent; None where there is a relay."""
    egress: Egress = current_app.extensions["egress"]
    if MAIL_RELAY.code in egress.recipients():
        return None
    return settings().instance_dir / "mail"


def at_place() -> partial[str]:
    """Return what words an instant by the clock of the place; UTC where there is none yet."""
    return partial(words.instant_word, zone=zone_here())


def _is_page(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= _MOST_PAGES


def _list(
    form: FindForm,
    rows: list[queries.Row],
    *,
    filters: FilterForm | None = None,
    page: int = 1,
    more: bool = False,
) -> str:
    shown = filters or FilterForm(formdata=None)
    sound = not shown.errors
    html = render_template(
        "owner/reservations.html",
        form=form,
        rows=rows,
        filters=shown,
        narrow=sound and shown.wanted().narrow,
        address=shown.address() if sound else {},
        signals=reservation_page.signals_of(rows, now=utcnow()),
        status=(shown.status.data or "") if sound else "",
        statuses=STATUSES,
        page=page,
        more=more,
        found=request.method == "POST",
        at=at_place(),
    )
    return noted(html, queries.persons_of(rows), LIST)
