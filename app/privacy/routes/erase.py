"""Having one's own data gone: the plan, the order, how far it is, and the certificate."""

from datetime import date
from typing import Any

from flask import Response, abort, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.sessions import current_session, end_all
from app.booking.wording import long_day
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.languages import N_, gettext
from app.core.languages import lazy_gettext as _l
from app.core.vault import PersonUnknown
from app.privacy import certificate, erasing, planning, stores
from app.privacy.archiving import day_here
from app.privacy.blueprint import bp
from app.privacy.erasing import NotPostponed
from app.privacy.erasure_links import by_token, token_of
from app.privacy.erasure_people import OnlyOwner, find, left_out
from app.privacy.models import DONE, POSTPONED, RUNNING, Erasure
from app.privacy.subjects import Subject, ask_again, present
from app.privacy.words import table_word
from app.web.attachments import attachment
from app.web.errors import error_page
from app.web.fields import CheckboxField
from app.web.forms import EmptyForm, Form
from app.web.pages import private_page, settings

_OPEN = {
    planning.STAY: N_("A reservation that isn’t over"),
    planning.UNPAID: N_("A sum that is still to be paid"),
    planning.PAYMENT: N_("A payment on its way"),
    planning.REFUND: N_("A refund on its way to you"),
    planning.DISPUTE: N_("A payment that your bank is looking into"),
}
_GONE = '"cookies", "storage", "cache"'


class EraseForm(Form):
    """Say that it is meant. Nothing has to be typed."""

    sure = CheckboxField(
        _l("Yes, erase my data. I know that nobody can bring them back."),
        required=_l("Please tick this box if you mean it."),
        why=_l("So that nothing is erased by a slip of the finger."),
        collects=(),
    )


# -- The plan, and the order --------------------------------------------------------------


@bp.get("/account/data/erase")
@bp.get("/data/<key>/erase")
def erase(key: str | None = None) -> ResponseReturnValue:
    """Show what would go, what would stay and why, and when it would be."""
    subject = present(key)
    if not isinstance(subject, Subject):
        return subject
    return _plan_page(subject, EraseForm(formdata=None))


@bp.post("/account/data/erase")
@bp.post("/data/<key>/erase")
def order_erasure(key: str | None = None) -> ResponseReturnValue:
    """Have it done: now, or on the first day on which nothing is open."""
    subject = present(key)
    if not isinstance(subject, Subject):
        return subject
    if answer := ask_again(subject, subject.url("privacy.erase")):
        return answer
    form = EraseForm()
    if not form.validate():
        return _plan_page(subject, form), 422
    try:
        erasure = erasing.ask(subject, now=utcnow())
    except OnlyOwner as error:
        form.form_errors.append(error.say())
        return _plan_page(subject, form), 409
    here = current_session()
    if erasure.state == RUNNING and subject.account is not None and here is not None:
        end_all(subject.account, except_row=here.row_id)
    token = token_of(erasure)
    db.session.commit()
    return redirect(url_for("privacy.erasure", token=token), 303)


def _plan_page(subject: Subject, form: EraseForm) -> str:
    only_read()
    g.page_path = subject.url("privacy.erase")
    now = utcnow()
    found, known = planning.plan(subject.person_ids, now=now), find(subject.person_ids)
    if left_out(known, subject.person_ids):
        known = None  # what has come to be theirs since they asked can go as well
    return render_template(
        "privacy/erase.html",
        subject=subject,
        form=form,
        plan=found,
        today=day_here(now),
        page=url_for("privacy.erasure", token=token_of(known)) if known else "",
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {
        "day": long_day,
        "table_word": table_word,
        "open_word": lambda kind: gettext(_OPEN[kind]),
        "ground": lambda text: gettext(text) if text else "",
        "keys_days": certificate.keys_days(),
        "book_days": settings().backup_days,
    }


# -- How far it is ------------------------------------------------------------------------


@bp.get("/erasures/<token>")
@private_page
def erasure(token: str) -> ResponseReturnValue:
    """Show how far an erasure is. Whoever has the link sees it; nothing personal is on it."""
    found = by_token(token) or abort(404)
    done = found.state == DONE
    # What is left in this browser goes with it, once: then it has nothing to send any more.
    clears = done and bool(request.cookies)
    page = render_template(
        "privacy/erasure.html",
        erasure=found,
        token=token,
        clears=clears,
        stores=_progress(found),
        blockers=_blockers(found),
        form=EmptyForm(formdata=None),
        certificate=certificate.opened(found.certificate) if found.certificate else None,
        from_iso=date.fromisoformat,
        fingerprint=certificate.fingerprint(),
        commands=certificate.COMMANDS,
        **_words(),
    )
    response = make_response(page)
    if clears:
        response.headers["Clear-Site-Data"] = _GONE
    return response


def _progress(found: Erasure) -> list[tuple[str, bool]]:
    """Return each store's name, and whether it has confirmed."""
    names = [name for name, _ in erasing.stages()]
    reached = names.index(found.stage) if found.stage in names else -1
    return [
        (gettext(store.words), found.state == DONE or names.index(store.name) <= reached)
        for store in stores.stores()
    ]


def _blockers(found: Erasure) -> list[planning.Blocker]:
    return list(planning.blockers(found.person_ids, now=utcnow())) if _waits(found) else []


def _waits(found: Erasure) -> bool:
    return found.state == POSTPONED


@bp.get("/erasures/<token>/gone.css")
def erasure_style(token: str) -> Response:
    """Answer with next to nothing, and have the browser drop all it has of this site.

    As on signing out: a browser empties its store of pages when this comes with a file that
    the page loads.
    """
    found = by_token(token)
    if found is None or found.state != DONE:
        abort(404)
    response = Response("/* Erased. */\n", content_type="text/css; charset=utf-8")
    response.headers["Clear-Site-Data"] = _GONE
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.post("/erasures/<token>/withdraw")
@private_page
def withdraw_erasure(token: str) -> ResponseReturnValue:
    """Take back an erasure that waits for its day."""
    found = by_token(token) or abort(404)
    try:
        erasing.withdraw(found, now=utcnow())
    except NotPostponed as error:
        db.session.rollback()
        return error_page(409, error.say())
    db.session.commit()
    return redirect(url_for("privacy.erasure", token=token), 303)


# -- The certificate ----------------------------------------------------------------------


@bp.get("/erasures/<token>/certificate.json")
@private_page
def erasure_certificate(token: str) -> Response:
    """Answer with the certificate: the very bytes that are signed."""
    statement = _certificate(token).statement.encode()
    return attachment(statement, "application/json", certificate.FILE)


@bp.get("/erasures/<token>/certificate.sig")
@private_page
def erasure_signature(token: str) -> Response:
    """Answer with the signature of the certificate: 64 bytes."""
    signature = _certificate(token).signature
    return attachment(signature, "application/octet-stream", certificate.SIGNATURE_FILE)


@bp.get("/erasures/key")
def erasure_key() -> Response:
    """Answer with the key that verifies certificates. It is the same for everybody."""
    return attachment(certificate.public_pem(), "application/x-pem-file", certificate.KEY_FILE)


def _certificate(token: str) -> certificate.Certificate:
    found = by_token(token)
    if found is None or not found.certificate:
        abort(404)
    return certificate.opened(found.certificate)


# -- Whoever was on a page when they went -------------------------------------------------


@bp.app_errorhandler(PersonUnknown)
def _erased_meanwhile(_error: PersonUnknown) -> Response:
    """Answer a page about somebody whose key is gone: there is nothing to show, and no fault."""
    db.session.rollback()
    return error_page(
        410,
        gettext("Whoever this was about has had their data erased, so nobody can read it."),
        gettext("This isn’t here any more"),
    )
