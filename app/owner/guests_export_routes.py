"""The page on which an owner has a file of guests made, with a reason."""

from typing import Any

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.accounts.models import OWNER
from app.accounts.sessions import current_account
from app.booking.shop import shop
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.languages import gettext
from app.core.languages import lazy_gettext as _l
from app.core.purposes import streamed
from app.owner import guests_export
from app.owner.guest_words import DETAIL_WORDS, EXPORT_PURPOSES
from app.owner.roles import ask_again, needs
from app.owner.routes import bp
from app.web.attachments import CSV, attachment
from app.web.choice_fields import ChoiceField, TicksField
from app.web.fields import DateField, LinesField
from app.web.forms import Form

LEAST_REASON = 10  # characters


class ExportForm(Form):
    """Make a file of guests."""

    columns = TicksField(
        _l("What stands in it"),
        choices=[
            SelectChoice("name", _l("Name")),
            *(SelectChoice(name, term) for name, (term, _) in DETAIL_WORDS.items()),
        ],
        why=_l("References and first days always do."),
        collects=(),
    )
    first = DateField(_l("Arriving from"), required=_l("Please choose the first day."), collects=())
    last = DateField(_l("Arriving until"), required=_l("Please choose the last day."), collects=())
    purpose = ChoiceField(
        _l("What for"),
        required=_l("Please say what for."),
        choices=[SelectChoice(name, word) for name, word in EXPORT_PURPOSES.items()],
        why=_l("It is in the audit trail, with how many guests the file held."),
        collects=(),
    )
    reason = LinesField(
        _l("The reason, in your words"),
        required=_l("Please write down the reason."),
        most=200,
        why=_l("Each guest in the file can read it, with the day on which you made it."),
        collects=("reading.reason",),
        autocomplete="off",
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether a file may be made; a reason of two letters is none."""
        fine = super().validate(extra_validators)
        if not (self.columns.data or self.columns.errors):
            self.columns.errors = [gettext("Please choose what you need, and no more.")]
            fine = False
        if not self.reason.errors and len(self.reason.data) < LEAST_REASON:
            self.reason.errors = [gettext("Please say a little more, so that a guest understands.")]
            fine = False
        return fine


@bp.route("/guests/export", methods=["GET", "POST"])
@needs(OWNER)
def export_guests() -> ResponseReturnValue:
    """Ask for a reason, and answer with the file once it is noted for everybody in it."""
    if answer := ask_again(url_for(".export_guests")):
        return answer
    form = ExportForm()
    if not form.validate_on_submit():
        return _page(form), 422 if request.method == "POST" else 200
    zone, columns = shop().venue.zone, form.columns.data
    first, last = form.first.data, form.last.data
    assert first is not None
    assert last is not None
    try:
        ids = guests_export.begin(
            current_account() or abort(404),
            first,
            last,
            zone,
            columns=columns,
            purpose=form.purpose.data,
            reason=" ".join(form.reason.data.split()),
            now=utcnow(),
        )
        db.session.commit()
    except DomainError as error:
        db.session.rollback()
        form.form_errors.append(error.say())
        return _page(form), 409
    only_read()
    body = streamed(guests_export.lines(ids, columns, _head(columns), zone))
    return attachment(body, CSV, f"guests-{first:%Y%m%d}-{last:%Y%m%d}.csv")


def _head(columns: list[str]) -> list[str]:
    terms = {"name": gettext("Name"), **{name: str(t) for name, (t, _) in DETAIL_WORDS.items()}}
    return [gettext("Reference"), gettext("First day"), *(terms[name] for name in columns)]


def _page(form: ExportForm) -> str:
    return render_template("owner/guests_export.html", form=form, most=guests_export.MOST_A_DAY)
