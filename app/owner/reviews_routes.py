"""The owner's page of reviews: what waits, what is shown, what was declined, and each act."""

from collections.abc import Callable
from typing import Any

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.accounts.models import STAFF
from app.accounts.readings import REVIEW
from app.booking.catalogue import text
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.languages import BY_CODE, N_, gettext
from app.core.languages import lazy_gettext as _l
from app.core.vault import PersonUnknown, vault
from app.guestbook import reviews_house
from app.guestbook.reviews_house import BECAUSE
from app.guestbook.reviews_models import DECLINED, SHOWN, WAITING, Review
from app.guestbook.reviews_public import Shown, decided
from app.owner.just_done import just_done
from app.owner.masking import hidden, refuse_hidden
from app.owner.offers_fields import NOBODYS
from app.owner.offers_pages import ID, note_act
from app.owner.readings import noted
from app.owner.roles import needs
from app.owner.routes import bp
from app.web.choice_fields import ChoiceField
from app.web.fields import LinesField
from app.web.forms import EmptyForm, Form

_STATES = {
    WAITING: N_("Waiting"),
    SHOWN: N_("Shown"),
    DECLINED: N_("Declined"),
}
_DONE = {
    "shown": N_("Everybody can read it now, as its guest agreed to it."),
    "declined": N_("It isn’t shown. Its guest sees why, and everybody how many you declined."),
    "answered": N_("Your answer stands below it."),
}
_ONE = f"/reviews/<{ID}:review_id>"


class DeclineForm(Form):
    """Why a review isn't shown."""

    because = ChoiceField(
        _l("Why it isn’t shown"),
        choices=[SelectChoice(code, _l(words)) for code, words in BECAUSE.items()],
        required=_l("Please say why; its guest is told."),
        collects=NOBODYS,
    )


class AnswerForm(Form):
    """What the house says below a review, to everybody."""

    words = LinesField(
        _l("Your answer, for everybody"),
        most=2000,
        why=_l("Please tell nothing of the guest in it. Without words there is no answer."),
        collects=("public_review.answer",),
        autocomplete="off",
    )


@bp.get("/reviews", endpoint="reviews")
@needs(STAFF)
def reviews_page() -> ResponseReturnValue:
    """Show the reviews that stand so; those that wait are opened, noted for their guests."""
    state, page = request.args.get("state", WAITING), request.args.get("page", "1")
    if state not in _STATES or not (page.isascii() and page.isdigit() and len(page) <= 4):
        abort(404)
    return _page(state, int(page) or abort(404))


@bp.post(f"{_ONE}/publish", endpoint="publish_review")
@needs(STAFF)
def publish(review_id: int) -> ResponseReturnValue:
    """Show a review to everybody, exactly as its guest agreed to it."""
    if not EmptyForm().validate_on_submit():
        abort(400)
    return _act(
        review_id,
        lambda: reviews_house.publish(review_id, now=utcnow()),
        "review.published",
        "shown",
    )


@bp.post(f"{_ONE}/decline", endpoint="decline_review")
@needs(STAFF)
def decline(review_id: int) -> ResponseReturnValue:
    """Don't show a review, and say why."""
    form = DeclineForm()
    if not form.validate_on_submit():
        return _again(_first_error(form), 422)
    because = str(form.because.data)
    return _act(
        review_id,
        lambda: reviews_house.decline(review_id, because, now=utcnow()),
        "review.declined",
        "declined",
        why=because,
    )


@bp.post(f"{_ONE}/answer", endpoint="answer_review")
@needs(STAFF)
def answer(review_id: int) -> ResponseReturnValue:
    """Answer below a review, for everybody to read."""
    form = AnswerForm()
    if not form.validate_on_submit():
        return _again(_first_error(form), 422, SHOWN)
    return _act(
        review_id,
        lambda: reviews_house.answer(review_id, str(form.words.data or ""), now=utcnow()),
        "review.answered",
        "answered",
    )


def _act(
    review_id: int, verb: Callable[[], object], entry: str, done: str, **detail: Any
) -> ResponseReturnValue:
    review = db.session.get(Review, review_id) or abort(404)
    try:
        refuse_hidden(review.person_id)
        verb()
        note_act(entry, "review", review_id, **detail)
        db.session.commit()
    except (DomainError, PersonUnknown) as error:
        db.session.rollback()
        said = error.say() if isinstance(error, DomainError) else gettext("Its guest is gone.")
        return _again(said, 409)
    state = SHOWN if done == "answered" else WAITING
    return redirect(url_for(".reviews", state=state, done=done), 303)


def _first_error(form: Form) -> str:
    return next((problem.text for problem in form.problems), gettext("Please check this."))


def _again(error: str, status: int, state: str = WAITING) -> ResponseReturnValue:
    only_read()
    g.page_path = url_for(".reviews")
    return _page(state, 1, error=error), status


def _page(state: str, page: int, *, error: str = "") -> str:
    found, more = reviews_house.in_state(state, page)
    away = hidden(one.person_id for one in found)
    open_ = [one for one in found if one.person_id not in away]
    vault().unlock([one.person_id for one in open_])
    answers = reviews_house.answers_of([one.id for one in open_])
    html = render_template(
        "owner/reviews.html",
        rows=[_row(one, answers) for one in open_],
        hidden=len(found) - len(open_),
        state=state,
        states={code: gettext(words) for code, words in _STATES.items()},
        decided=decided(),
        page=page,
        more=more,
        form=EmptyForm(formdata=None),
        error=error,
        done=just_done(_DONE),
        tag=lambda code: BY_CODE[code].tag if code in BY_CODE else code,
        because={code: gettext(words) for code, words in BECAUSE.items()},
    )
    # What is shown anyway is nobody's secret.
    opened = [one.person_id for one in open_ if state != SHOWN]
    return noted(html, opened, REVIEW)


def _row(review: Review, answers: dict[int, str]) -> dict[str, Any]:
    try:
        item = reviews_house.parsed(review.agreed)
    except PersonUnknown:
        item = None
    name = {code: {"name": label} for code, label in review.line.label.items()}
    return {
        "id": review.id,
        "offer": text(name, "name"),
        "one": Shown(item, answers.get(review.id, "")) if item else None,
        "decline": DeclineForm(formdata=None, prefix=""),
        "answer": AnswerForm(formdata=None, data={"words": answers.get(review.id, "")}),
        "because": gettext(BECAUSE[review.because]) if review.because in BECAUSE else "",
    }
