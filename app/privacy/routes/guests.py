"""A guest's way to their own data: from their reservation's page, by a mailed code.

Whom the house asks for a sum has the same way from the page on which it is paid: the data are
held from the moment it is asked for, paid or not.
"""

from datetime import datetime
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from flask import abort, current_app, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.accounts.disclosures import MAIL_ABOUT_RIGHTS
from app.accounts.mailing import post
from app.booking.links import (
    checkout_key,
    guest_key,
    guest_url,
    reservation_at_link,
    reservation_for_checkout,
)
from app.booking.models import ASKED, Reservation
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.languages import gettext, use_language
from app.core.languages import lazy_gettext as _l
from app.core.limits import TooManyRequests
from app.core.mail import make_message
from app.core.outbox import handles
from app.core.vault import PersonUnknown
from app.privacy import codes
from app.privacy.blueprint import bp
from app.privacy.models import DataKey
from app.privacy.subjects import KEY_LIFE, is_claimed
from app.web.fields import TextField
from app.web.forms import EmptyForm, Form
from app.web.network import network
from app.web.pages import Site, private_page, settings

_MINUTE = 60


class MailedCodeForm(Form):
    """The code that was mailed to the address of a booking."""

    code = TextField(
        _l("The code from the mail"),
        required=_l("Please type the code from the mail."),
        most=40,
        autocomplete="one-time-code",
        render_kw={"autocapitalize": "characters", "spellcheck": "false"},
        why=_l(
            "It shows that this reservation’s mailbox is yours, and is forgotten once it is used."
        ),
        collects=("data_key.code",),
    )


def _find(reference: str, key: str) -> Reservation:
    """Return a booking with somebody's details; 404 without its key, as if there were none.

    `key` is that of a sum's page, which opens no other booking here.
    """
    found = reservation_for_checkout(key) if key else reservation_at_link(reference)
    if found is None or found.person is None or (key and found.kind != ASKED):
        abort(404)
    return found


@bp.get("/reservations/<reference>/data", endpoint="guest")
@bp.get("/checkout/<key>/data", endpoint="payer")
@private_page
def guest_page(reference: str = "", key: str = "") -> ResponseReturnValue:
    """Offer to mail a code; ask for it once it was mailed."""
    return _page(_find(reference, key), MailedCodeForm(formdata=None))


@bp.post("/reservations/<reference>/data", endpoint="ask_code")
@bp.post("/checkout/<key>/data", endpoint="payer_ask_code")
@private_page
def ask_code(reference: str = "", key: str = "") -> ResponseReturnValue:
    """Have a code mailed to the address of the booking."""
    found, now = _find(reference, key), utcnow()
    if not EmptyForm().validate_on_submit():
        abort(400)
    try:
        codes.ask(found, network(now), now=now)
        db.session.commit()
    except DomainError as error:
        db.session.rollback()
        only_read()
        return _refused(_find(reference, key), error)
    return redirect(_address(found, "guest"), 303)


@bp.post("/reservations/<reference>/data/code", endpoint="type_code")
@bp.post("/checkout/<key>/data/code", endpoint="payer_type_code")
@private_page
def type_code(reference: str = "", key: str = "") -> ResponseReturnValue:
    """Take the code; the right one leads to the guest's own pages."""
    found, form = _find(reference, key), MailedCodeForm()
    if not form.validate_on_submit():
        only_read()
        return _page(found, form), 422
    try:
        opens = codes.prove(found, form.code.data, now=utcnow())
    except codes.WrongCode as error:
        only_read()
        form.code.errors = [error.say()]
        return _page(_find(reference, key), form), 422
    except DomainError as error:
        only_read()
        return _refused(_find(reference, key), error)
    return redirect(url_for("privacy.data", key=opens), 303)


def _refused(found: Reservation, error: DomainError) -> ResponseReturnValue:
    status = 429 if isinstance(error, TooManyRequests) else 409
    return _page(found, MailedCodeForm(formdata=None), error.say()), status


def _page(found: Reservation, form: MailedCodeForm, problem: str = "") -> str:
    of_a_sum = found.kind == ASKED
    home = f"checkout/{checkout_key(found)}" if of_a_sum else f"reservations/{found.reference}"
    g.page_path = f"/{home}/data"
    assert found.person is not None
    waiting = codes.waiting(found, now=utcnow())
    return render_template(
        "privacy/code.html",
        reservation=found,
        of_a_sum=of_a_sum,
        back=url_for("payments.pay", key=checkout_key(found)) if of_a_sum else guest_url(found),
        ask=_address(found, "ask_code"),
        type_code=_address(found, "type_code"),
        email=codes.masked(found.person.email) if found.person.email else "",
        no_mailbox=gettext(codes.NoMailbox.message),
        claimed=is_claimed(found.person.id),
        waiting=waiting is not None and waiting.tries < codes.MOST_TRIES,
        form=form,
        empty=EmptyForm(formdata=None),
        problem=problem,
        minutes=int(codes.CODE_LIFE.total_seconds()) // _MINUTE,
        opens=int(KEY_LIFE.total_seconds()) // _MINUTE,
        tries=codes.MOST_TRIES,
    )


_OF_A_SUM = {"guest": "payer", "ask_code": "payer_ask_code", "type_code": "payer_type_code"}


def _address(found: Reservation, page: str, **carried: Any) -> str:
    """Return where a page stands. Whoever may pay a sum needn't have the key of its receipt."""
    if found.kind == ASKED:
        return url_for(f"privacy.{_OF_A_SUM[page]}", key=checkout_key(found), **carried)
    key = guest_key(found)
    return url_for(f"privacy.{page}", reference=found.reference, key=key, **carried)


# -- The mail ---------------------------------------------------------------------------------


@handles(codes.MAIL)
def _send(payload: dict[str, Any], now: datetime) -> None:
    """Mail a code that can still be typed; none where a newer one was asked for."""
    asked = db.session.get(DataKey, payload["data_key_id"])
    if asked is None or asked.proved_at is not None or asked.expires_at <= now:
        return
    reservation = db.session.get(Reservation, asked.reservation_id)
    if reservation is None or reservation.person is None:
        return
    try:
        message = compose(reservation, asked.code or "", job=payload["job"], now=now)
    except PersonUnknown:
        return
    post(
        message,
        person_id=asked.person_id,
        what=MAIL_ABOUT_RIGHTS,
        name=f"{reservation.reference}-data_code-{payload['job']}",
        now=now,
    )


def compose(reservation: Reservation, code: str, *, job: int, now: datetime) -> EmailMessage:
    """Return the mail with a code, in the booking's language. Raises PersonUnknown."""
    base, language, person = settings().site_url, reservation.language, reservation.person
    assert person is not None
    name, email = person.name or "", person.email or ""
    host = urlsplit(base).hostname or "localhost"
    with use_language(language), current_app.test_request_context(base_url=base):
        site: Site = current_app.extensions["site"]()
        half = codes.LENGTH // 2
        text = render_template(
            "mail/data_code.txt",
            site=site,
            person_name=name,
            reference=reservation.reference,
            code=f"{code[:half]} {code[half:]}",
            minutes=int(codes.CODE_LIFE.total_seconds()) // _MINUTE,
            url=base + _address(reservation, "guest", lang=language, basket=None),
        )
    return make_message(
        text,
        sender=(site.name, site.email or f"no-reply@{host}"),
        to=(name, email),
        message_id=f"<{reservation.reference}.data_code.{job}@{host}>",
        language=language,
        now=now,
    )
