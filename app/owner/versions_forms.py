"""The forms of the owner's pages of the documents."""

from typing import Any

from flask import abort
from wtforms.fields.choices import SelectChoice

from app.core.languages import N_
from app.core.languages import lazy_gettext as _l
from app.policy import drafts_checks
from app.policy.drafts import IN_FORCE, SHIPPED
from app.policy.models import PRIVACY, TERMS
from app.web.choice_fields import ChoiceField
from app.web.fields import DateField, LinesField
from app.web.forms import Form
from app.web.hidden_fields import HiddenField

TITLES = {TERMS: N_("Terms"), PRIVACY: N_("Privacy policy")}
"""What each document is called."""


class StartForm(Form):
    """Begin a draft."""

    document = ChoiceField(
        _l("Which document?"),
        required=_l("Please choose a document."),
        choices=[SelectChoice(code, _l(TITLES[code])) for code in (PRIVACY, TERMS)],
        why=_l("Each has drafts of its own."),
        collects=(),
    )
    begin = ChoiceField(
        _l("What does it begin as?"),
        required=_l("Please choose what it begins as."),
        choices=(
            SelectChoice(IN_FORCE, _l("the version in force")),
            SelectChoice(SHIPPED, _l("the newest text that came with the program")),
        ),
        why=_l("In every language. You change it from there."),
        collects=(),
    )


class TextForm(Form):
    """One language of a draft."""

    text = LinesField(
        _l("The text"),
        required=_l("Please write the text."),
        most=drafts_checks.MOST_TEXT,
        render_kw={"rows": 28},
        why=_l("Visitors read it once it is published, and never before."),
        collects=(),
        autocomplete="off",
    )
    summary = LinesField(
        _l("What changes, in a sentence"),
        most=drafts_checks.MOST_SUMMARY,
        render_kw={"rows": 3},
        why=_l("It goes into the mail to everybody. Without it, this can’t be published."),
        collects=(),
        autocomplete="off",
    )
    revision = HiddenField(collects=(), most=10)

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether the text could be published, with what is wrong beside its field."""
        fine = super().validate(extra_validators)
        if not (self.revision.data or "0").isdecimal():
            abort(400)
        for field, check in (
            (self.text, drafts_checks.check),
            (self.summary, drafts_checks.check_summary),
        ):
            if field.errors or not field.data:
                continue
            try:
                check(field.data)
            except drafts_checks.NotFit as error:
                field.errors = [error.say()]
                fine = False
        return fine


class PublishForm(Form):
    """The day from which a version counts."""

    day = DateField(
        _l("In force from"),
        required=_l("Please choose the day."),
        why=_l("From midnight, universal time (UTC), for everybody."),
        collects=(),
    )
    seen = HiddenField(collects=(), most=200)
