"""What somebody asks about their own data, and by when it is answered."""

from functools import partial

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.booking.wording import long_day
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.languages import gettext
from app.core.languages import lazy_gettext as _l
from app.core.vault import vault
from app.privacy import clocks, request_mails, requests  # noqa: F401 (the mails register themselves)
from app.privacy.blueprint import bp
from app.privacy.request_words import KINDS, kind_word, standing_words
from app.privacy.subjects import Subject, present
from app.web.choice_fields import ChoiceField
from app.web.fields import LinesField
from app.web.forms import Form

_ASKED = "asked"


class RequestForm(Form):
    """Ask the house something about one's own data."""

    kind = ChoiceField(
        _l("What do you ask for?"),
        required=_l("Please choose what you ask for."),
        choices=[SelectChoice(kind, _l(word)) for kind, word in KINDS.items()],
        why=_l("So that we know what to do. The law has a term for each of them."),
        collects=(),
    )
    words = LinesField(
        _l("In your words"),
        why=_l(
            "Which data, and why if you like. It is sealed, and only the people of this house "
            "read it. If you leave it empty, we may have to ask back."
        ),
        collects=("privacy_request.words",),
    )


@bp.route("/account/data/requests", methods=["GET", "POST"], endpoint="requests")
@bp.route("/data/<key>/requests", methods=["GET", "POST"], endpoint="requests")
def requests_page(key: str | None = None) -> ResponseReturnValue:
    """Show what somebody asked, each with its clock, and let them ask more."""
    subject = present(key)
    if not isinstance(subject, Subject):
        return subject
    form, status = RequestForm(), 200
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                requests.ask(
                    subject.person_ids, form.kind.data, form.words.data or "", now=utcnow()
                )
            except requests.TooManyOpen as error:
                form.form_errors.append(error.say())
                status = 409
            else:
                db.session.commit()
                return redirect(subject.url("privacy.requests", done=_ASKED), 303)
        only_read()
    return _page(subject, form), status


def _page(subject: Subject, form: RequestForm) -> str:
    vault().unlock(subject.person_ids)
    now, clock = utcnow(), clocks.clock_of(requests.law_here())
    return render_template(
        "privacy/requests.html",
        subject=subject,
        form=form,
        asked=request.method == "GET" and request.args.get("done") == _ASKED,
        found=requests.of_persons(subject.person_ids),
        kind_word=kind_word,
        standing=partial(standing_words, now=now),
        complain=lambda one: gettext(clocks.clock_of(one.law).complain),
        day_of=lambda at: long_day(requests.day_here(at)),
        term=gettext(clock.term),
        ground=gettext(clock.ground),
    )
