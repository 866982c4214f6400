"""A guest's side of surveys: the switch on their reservation's page, and the questions."""

from typing import Any, ClassVar

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.booking import wording
from app.booking.links import guest_key, guest_url, reservation_at_link
from app.booking.models import CONFIRMED, Reservation
from app.booking.shop import shop
from app.consent import permissions
from app.consent.words import permission_lines
from app.core.clock import utcnow
from app.core.database import db, in_one_go
from app.core.datamap import Purpose
from app.core.languages import lazy_gettext as _l
from app.guestbook import surveys
from app.guestbook.models import Survey
from app.web.choice_fields import ChoiceField
from app.web.fields import LinesField
from app.web.forms import EmptyForm, Form
from app.web.pages import private_page

bp = Blueprint("surveys", __name__)

NO_ANSWER = SelectChoice("", _l("no answer"))


class _ScoreField(ChoiceField):
    """One of five, or nothing."""

    scale: ClassVar[tuple[SelectChoice, ...]] = (
        SelectChoice("5", _l("very good")),
        SelectChoice("4", _l("good")),
        SelectChoice("3", _l("so-so")),
        SelectChoice("2", _l("not so good")),
        SelectChoice("1", _l("bad")),
        NO_ANSWER,
    )

    def __init__(self, label: Any, *, choices: Any = None, **kwargs: Any) -> None:
        kwargs.setdefault("default", "")
        super().__init__(label, choices=choices or self.scale, **kwargs)

    def process_data(self, value: Any) -> None:
        """Take a number of the row, or nothing."""
        self.data = "" if value is None else str(value)

    @property
    def number(self) -> int | None:
        """What was chosen, as it is kept."""
        return int(self.data) if self.data else None


class SurveyForm(Form):
    """How it was. Nothing has to be answered."""

    overall = _ScoreField(
        _l("All in all"),
        why=_l("Your answers are counted with those of others."),
        collects=(),
    )
    room = _ScoreField(_l("The room, the boat, or what else you booked"), collects=())
    welcome = _ScoreField(_l("How you were received"), collects=())
    value = _ScoreField(_l("What you got for your money"), collects=())
    again = _ScoreField(
        _l("Would you come again?"),
        choices=(SelectChoice("1", _l("yes")), SelectChoice("0", _l("no")), NO_ANSWER),
        collects=(),
    )
    words = LinesField(
        _l("What should we know?"),
        most=2000,
        why=_l("Sealed, and who reads it is noted for you. Without it, your other answers count."),
        collects=("survey.words",),
        autocomplete="off",
    )

    def answers(self) -> surveys.Answers:
        """Return what was answered, for a form that validated."""
        again = self.again.number
        return surveys.Answers(
            overall=self.overall.number,
            room=self.room.number,
            welcome=self.welcome.number,
            value=self.value.number,
            again=None if again is None else bool(again),
            words=self.words.data or None,
        )


_OVER = (surveys.LinkOver, surveys.TakenBack, surveys.SurveyOver)


def _survey(key: str) -> Survey:
    """Return the survey of a key; 404 for what never was one. Raises LinkOver."""
    found = surveys.survey_of(key)
    if found is None:
        if surveys.looks_like_a_key(key):
            raise surveys.LinkOver(days=surveys.ANSWERED_FOR.days)
        abort(404)
    return found


# -- The questions ----------------------------------------------------------------------------


@bp.get("/survey/<key>")
@private_page
def show(key: str) -> ResponseReturnValue:
    """Ask how it was, or say why there is nothing to fill in any more."""
    try:
        survey = _survey(key)
        surveys.refuse_if_over(survey, now=utcnow())
    except _OVER as error:
        return render_template("guestbook/survey_over.html", error=error.say()), 410
    return _page(key, survey, SurveyForm(formdata=None, data=_known(survey)))


@bp.post("/survey/<key>")
@private_page
def answer(key: str) -> ResponseReturnValue:
    """Keep what was answered."""
    form, now = SurveyForm(), utcnow()
    try:
        survey = _survey(key)
        surveys.refuse_if_over(survey, now=now)
        if not form.validate_on_submit():
            return _page(key, survey, form), 422
        surveys.answer(survey, form.answers(), now=now)
        db.session.commit()
    except _OVER as error:
        db.session.rollback()
        return render_template("guestbook/survey_over.html", error=error.say()), 410
    return redirect(url_for(".show", key=key, done="yes"), 303)


def _known(survey: Survey) -> dict[str, Any]:
    again = None if survey.again is None else int(survey.again)
    scores = {name: getattr(survey, name) for name in surveys.SCORES}
    return {**scores, "again": again, "words": survey.words}


def _page(key: str, survey: Survey, form: SurveyForm) -> str:
    g.page_path = f"/survey/{key}"
    zone = shop().venue.zone
    until = survey.sent_at + surveys.ANSWERED_FOR
    return render_template(
        "guestbook/survey.html",
        key=key,
        form=form,
        done=request.method == "GET" and "done" in request.args,
        answered=survey.answered_at is not None,
        until=wording.long_day(until.astimezone(zone).date()),
        begun=wording.long_day(survey.reservation.first_start.astimezone(zone).date()),
        back=guest_url(survey.reservation),
    )


# -- The switch on a reservation's page -------------------------------------------------------


@bp.app_context_processor
def _switch() -> dict[str, Any]:
    """Let the page of a reservation include guestbook/_survey.html."""
    return {"survey_switch": survey_switch}


def survey_switch(reservation: Reservation) -> dict[str, Any] | None:
    """Return what the switch shows for whose reservation it is; None where there is none."""
    person = reservation.person
    if reservation.status != CONFIRMED or person is None or person._email is None:
        return None
    where: dict[str, Any] = {"reference": reservation.reference, "key": guest_key(reservation)}
    persons = permissions.same_person(person.id)
    asked = bool(permissions.permitted(persons, Purpose.SURVEY))
    if not asked and surveys.is_too_late(reservation, shop().venue, now=utcnow()):
        return None  # a yes would promise a mail that isn't sent any more
    history = permissions.history([person.id], Purpose.SURVEY)
    return {
        "asked": asked,
        "on": url_for("surveys.turn_on", **where),
        "off": url_for("surveys.turn_off", **where),
        "lines": permission_lines(history),
        "form": EmptyForm(formdata=None),
    }


@bp.post("/reservations/<reference>/survey/on")
@private_page
def turn_on(reference: str) -> ResponseReturnValue:
    """Say yes to being asked after this stay."""
    found, now = reservation_at_link(reference), utcnow()
    person_id = found.person_id or abort(404)
    in_one_go(
        lambda: permissions.give(person_id, Purpose.SURVEY, how=permissions.RESERVATION, now=now)
    )
    return redirect(f"{guest_url(reservation_at_link(reference))}#survey", 303)


@bp.post("/reservations/<reference>/survey/off")
@private_page
def turn_off(reference: str) -> ResponseReturnValue:
    """Take the yes back, wherever it was given: nothing is sent from this moment on."""
    found, now = reservation_at_link(reference), utcnow()
    persons = permissions.same_person(found.person_id or abort(404))
    in_one_go(lambda: permissions.take_back(persons, Purpose.SURVEY, now=now))
    return redirect(f"{guest_url(reservation_at_link(reference))}#survey", 303)
