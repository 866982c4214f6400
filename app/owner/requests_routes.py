"""The owner's pages of requests about people's own data: read, answer, take more time, refuse."""

from datetime import datetime
from functools import partial
from typing import Any

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.accounts.models import OWNER, STAFF
from app.accounts.readings import LIST, REQUEST
from app.booking.shop import shop
from app.booking.wording import long_day
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.languages import N_, gettext, ngettext
from app.core.languages import lazy_gettext as _l
from app.owner import needs as whats_needed
from app.owner import requests as house
from app.owner import trail
from app.owner.just_done import just_done
from app.owner.masking import is_hidden
from app.owner.readings import noted
from app.owner.roles import needs
from app.owner.routes import at_place, bp
from app.privacy import clocks, requests
from app.privacy.models import PrivacyRequest
from app.privacy.request_words import KINDS, kind_word, left_words
from app.web.choice_fields import ChoiceField
from app.web.fields import CountryField, DateField, LinesField, TextField
from app.web.forms import Form

_PAGE, _ONE = "/requests", "/requests/<int(max=2147483647):request_id>"
_MOST = 4000
_YES, _NO = "yes", "no"
_DONE = {
    "answered": N_("Your answer is on its way by mail."),
    "extended": N_("The term is extended, and your reason is on its way by mail."),
    "entered": N_("The request is written down, and confirmed by mail."),
    "law": N_("Kept. Clocks that run already go on as they began."),
}
"""What was just done, by the word in the address that it leads to."""


class AnswerForm(Form):
    """Answer a request, or refuse it."""

    granted = ChoiceField(
        _l("What is your answer?"),
        required=_l("Please choose whether you do what was asked."),
        choices=(
            SelectChoice(_YES, _l("We do it, or have done it")),
            SelectChoice(_NO, _l("We refuse it")),
        ),
        why=_l("With a refusal, the mail says how to complain."),
        collects=(),
    )
    words = LinesField(
        _l("In your words"),
        required=_l("Please write an answer. If you refuse, say why."),
        most=_MOST,
        why=_l("It goes to the guest by mail, and stays, sealed, with the request."),
        collects=("privacy_request.answer",),
        autocomplete="off",
    )


class ExtendForm(Form):
    """Take more time, once."""

    reason = LinesField(
        _l("Why you need more time"),
        required=_l("Please say why. Without a reason the law gives no more time."),
        most=_MOST,
        why=_l("The law wants it told to the guest: it goes there by mail."),
        collects=("privacy_request.answer",),
        autocomplete="off",
    )


class EnterForm(Form):
    """Write down what came by letter or telephone."""

    reference = TextField(
        _l("Reference of one of their reservations"),
        required=_l("Please enter the reference."),
        most=40,
        why=_l("So that it is written down for the right guest."),
        collects=(),
        autocomplete="off",
    )
    kind = ChoiceField(
        _l("What do they ask for?"),
        required=_l("Please choose what they ask for."),
        choices=[SelectChoice(kind, _l(word)) for kind, word in KINDS.items()],
        why=_l("The guest reads it in the mail that confirms it."),
        collects=(),
    )
    words = LinesField(
        _l("In their words"),
        most=_MOST,
        why=_l("Sealed, and shown to the guest. Without it, only the choice above is kept."),
        collects=("privacy_request.words",),
        autocomplete="off",
    )
    came_on = DateField(
        _l("The day on which it came"),
        required=_l("Please enter the day."),
        why=_l("Its clock runs from then."),
        collects=(),
    )


class LawForm(Form):
    """Choose whose rules count here."""

    law = ChoiceField(
        _l("Whose clock runs for requests"),
        required=_l("Please choose one."),
        choices=[SelectChoice(law, _l(clock.name)) for law, clock in clocks.CLOCKS.items()],
        why=_l("Where your guests live counts too; if in doubt, take the shorter one."),
        collects=(),
    )
    country = CountryField(
        _l("Country of the house"),
        required=_l("Please choose a country."),
        why=_l("Its law says how long papers are kept."),
        collects=(),
        autocomplete="off",
    )


# -- Pages ----------------------------------------------------------------------------------


@bp.get(_PAGE, endpoint="requests")
@needs(STAFF)
def requests_page() -> ResponseReturnValue:
    """List the requests, the nearest clock first."""
    return _board(None)


@bp.post(f"{_PAGE}/law", endpoint="set_law")
@needs(OWNER)
def set_law() -> ResponseReturnValue:
    """Choose whose clock runs."""
    form = LawForm()
    if not form.validate():
        only_read()
        return _board(form), 422
    law, country = str(form.law.data), str(form.country.data)
    house.set_law(law, country)
    trail.record("request.law", "house", 0, now=utcnow(), law=law, country=country)
    db.session.commit()
    return _done("law")


@bp.get(_ONE, endpoint="request")
@needs(STAFF)
def request_page(request_id: int) -> ResponseReturnValue:
    """Show one request."""
    found = requests.by_number(request_id) or abort(404)
    return _page(found, AnswerForm(formdata=None), ExtendForm(formdata=None))


@bp.post(f"{_ONE}/answer", endpoint="answer_request")
@needs(OWNER)
def answer_request(request_id: int) -> ResponseReturnValue:
    """Answer a request, or refuse it, and mail the answer."""
    found = requests.by_number(request_id, to_write=True) or abort(404)
    form = AnswerForm()
    if not form.validate():
        return _again(request_id, form, ExtendForm(formdata=None)), 422
    granted, now = form.granted.data == _YES, utcnow()
    requests.answered(found, words=str(form.words.data), granted=granted, now=now)
    trail.record(
        "request.answered" if granted else "request.refused", "request", request_id, now=now
    )
    db.session.commit()
    return _done("answered")


@bp.post(f"{_ONE}/extend", endpoint="extend_request")
@needs(OWNER)
def extend_request(request_id: int) -> ResponseReturnValue:
    """Take more time, and mail the reason."""
    found = requests.by_number(request_id, to_write=True) or abort(404)
    form = ExtendForm()
    if not form.validate():
        return _again(request_id, AnswerForm(formdata=None), form), 422
    now = utcnow()
    requests.extend(found, str(form.reason.data), now=now)
    trail.record("request.extended", "request", request_id, now=now)
    db.session.commit()
    return _done("extended")


@bp.route(f"{_PAGE}/enter", methods=["GET", "POST"], endpoint="enter_request")
@needs(OWNER)
def enter_request() -> ResponseReturnValue:
    """Write down what came by letter or telephone."""
    today = requests.day_here(utcnow())
    form, status = EnterForm(data={"came_on": today}), 200
    if form.is_submitted():
        status = 422
        if form.validate() and _entered(form):
            return _done("entered")
        only_read()
    return render_template("owner/requests_enter.html", form=form), status


def _entered(form: EnterForm) -> bool:
    """Write it down and commit, or say beside the field what is wrong with it."""
    asked = (str(form.reference.data), str(form.kind.data), str(form.words.data or ""))
    came_on = form.came_on.data
    assert came_on is not None  # it is required
    now = utcnow()
    try:
        entered = house.enter(*asked, came_on, now=now)
    except (house.NobodyThere, requests.NotThenYet) as error:
        field: Any = form.reference if isinstance(error, house.NobodyThere) else form.came_on
        field.errors = [error.say()]
        return False
    db.session.flush()
    trail.record("request.entered", "request", entered.id, now=now, day=came_on.isoformat())
    db.session.commit()
    return True


# -- How ------------------------------------------------------------------------------------


def _board(form: LawForm | None) -> str:
    now = utcnow()
    shop()  # without a place, its error leads to the first steps
    law, country = house.law()
    found = house.board(now=now)
    page = render_template(
        "owner/requests.html",
        board=found,
        form=form or LawForm(formdata=None, data={"law": law, "country": country}),
        clocks=clocks.CLOCKS.values(),
        done=just_done(_DONE),
        kind_word=kind_word,
        long_day=long_day,
        left=partial(left_words, now=now),
    )
    return noted(page, found.persons, LIST)


def _again(request_id: int, answer: AnswerForm, extend: ExtendForm) -> str:
    only_read()
    return _page(requests.by_number(request_id) or abort(404), answer, extend)


def _page(found: PrivacyRequest, answer: AnswerForm, extend: ExtendForm) -> str:
    now = utcnow()
    clock = clocks.clock_of(found.law)
    later = clocks.extended_to(found.law, requests.day_here(found.made_at))
    person = found.person
    page = render_template(
        "owner/requests_one.html",
        one=found,
        guest="" if person is None or is_hidden(person.id) else person.name or "",
        references=house.references_of(found.person_id),
        answer_form=answer,
        extend_form=extend,
        may_extend=requests.may_extend(found, now=now),
        later=long_day(later) if later else "",
        law=gettext(clock.name),
        ground=clock.ground,
        complain=gettext(clock.complain),
        came_on=long_day(requests.day_here(found.made_at)),
        term=long_day(requests.term_of(found)),
        late=requests.days_left(found, now=now) < 0,
        left=left_words(found, now=now),
        kind=kind_word(found.kind),
        at=at_place(),
    )
    return noted(page, [found.person_id] if found.person_id else [], REQUEST)


def _done(what: str) -> ResponseReturnValue:
    return redirect(url_for(".requests", done=what), 303)


def _need(now: datetime) -> str:
    """Return the line of the first page: how many wait, and how long the nearest may."""
    found = house.nearest(now=now)
    if found is None:
        return ""
    return ngettext(
        "%(num)d request about personal data waits until %(day)s: %(left)s.",
        "%(num)d requests about personal data wait; the nearest until %(day)s: %(left)s.",
        found.count,
        day=long_day(found.term),
        left=left_words(found.request, now=now),
    )


whats_needed.register(
    "requests", None, "owner.requests", look=_need, count=lambda _now: house.open_count()
)
