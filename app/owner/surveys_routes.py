"""The owner's page of surveys: averages as plots that are tables, and texts one by one."""

from babel.numbers import format_decimal, format_percent
from flask import abort, g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import READER, STAFF
from app.accounts.sessions import current_account
from app.booking.shop import shop
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.languages import N_, current_locale, gettext
from app.owner import surveys
from app.owner.roles import may_use, needs
from app.owner.routes import bp
from app.owner.surveys import QUESTIONS, Bar
from app.owner.visits import LEAST
from app.owner.words import label_word, month_word
from app.web.forms import EmptyForm

QUESTION_WORDS = {
    "overall": N_("All in all"),
    "room": N_("Room, boat, or what else was booked"),
    "welcome": N_("Welcome"),
    "value": N_("Value for money"),
    "again": N_("Would come again"),
}
_BEST = 5


@bp.get("/surveys", endpoint="surveys")
@needs(READER)
def surveys_page() -> ResponseReturnValue:
    """Show what was answered; one question by month and by offer."""
    question, page = request.args.get("question", QUESTIONS[0]), request.args.get("page", "1")
    if question not in QUESTIONS or not (page.isascii() and page.isdigit() and len(page) <= 4):
        abort(404)
    return _page(question, int(page) or abort(404))


@bp.post("/surveys/<int(max=2147483647):survey_id>")
@needs(STAFF)
def read_survey(survey_id: int) -> ResponseReturnValue:
    """Show what somebody wrote, on this answer only, noted before it is shown."""
    g.page_path = url_for(".surveys")
    reader = current_account() or abort(404)
    if not EmptyForm().validate_on_submit():
        abort(400)
    try:
        words = surveys.open_text(survey_id, reader=reader, now=utcnow())
        db.session.commit()
    except surveys.TextGone as error:
        db.session.rollback()
        only_read()
        return _page(QUESTIONS[0], 1, error=error.say()), 410
    if words is None:
        abort(404)
    only_read()
    return _page(QUESTIONS[0], 1, text=words)


def _page(question: str, page: int, *, text: str = "", error: str = "") -> str:
    zone = shop().venue.zone
    found = surveys.results(question, zone, now=utcnow())
    texts, more = surveys.texts(page)
    return render_template(
        "owner/surveys.html",
        found=found,
        least=LEAST,
        question=question,
        words={name: gettext(text) for name, text in QUESTION_WORDS.items()},
        questions=[_row(gettext(QUESTION_WORDS[k]), k, bar) for k, bar in found.questions.items()],
        months=[_row(month_word(k), question, bar) for k, bar in sorted(found.months.items())],
        offers=[
            _row(label_word(found.labels[k]), question, bar) for k, bar in found.offers.items()
        ],
        texts=[(number, month_word(at.astimezone(zone).date())) for number, at in texts],
        page=page,
        more=more,
        may_read=may_use("owner.read_survey"),
        form=EmptyForm(formdata=None),
        text=text,
        error=error,
    )


def _row(label: str, question: str, bar: Bar) -> tuple[str, str, int]:
    """Return a plot's row: label, figure in words, and its length in hundredths."""
    if bar.average is None:
        return label, gettext("too few"), 0
    locale = current_locale()
    if question == "again":
        share = format_percent(float(bar.average), locale=locale)
        figure = gettext(
            "yes: %(share)s (answers: %(least)d or more)", share=share, least=bar.least
        )
        return label, figure, round(100 * bar.average)
    average = format_decimal(float(bar.average), format="0.0", locale=locale)
    figure = gettext(
        "%(average)s of %(best)d (answers: %(least)d or more)",
        average=average,
        best=_BEST,
        least=bar.least,
    )
    return label, figure, round(100 * bar.average / _BEST)
