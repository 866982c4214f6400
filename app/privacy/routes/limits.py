"""Limiting what one's data are used for, purpose by purpose."""

from typing import Any

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.booking.shop import zone_here
from app.consent.frame import choose, circumstances, permission
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.languages import gettext
from app.core.languages import lazy_gettext as _l
from app.privacy import limits
from app.privacy.blueprint import bp
from app.privacy.subjects import Subject, present
from app.privacy.values import instant_text
from app.privacy.words import purpose_word
from app.web.choice_fields import ChoiceField
from app.web.forms import Form

_DONE = "kept"
USED, NOT_USED = "used", "not"
_COLLECTS = ("restriction.purpose",)
_CHOOSE = _l("Please choose one of the two.")


class SwitchField(ChoiceField):
    """A use in one of two states, both of them to be seen."""

    def __init__(self, label: Any = None, **kwargs: Any) -> None:
        super().__init__(
            label,
            choices=(),
            **kwargs,
        )


class LimitsForm(Form):
    """Each use that may be limited, and its state. Fields are named by their purposes."""

    reservation = SwitchField(
        _l(limits.USES[0].title),
        why=_l(limits.USES[0].means),
        collects=_COLLECTS,
        required=_CHOOSE,
    )
    account = SwitchField(
        _l(limits.USES[1].title),
        why=_l(limits.USES[1].means),
        collects=_COLLECTS,
        required=_CHOOSE,
    )
    statistics = SwitchField(
        _l(limits.USES[2].title),
        why=_l(limits.USES[2].means),
        collects=_COLLECTS,
        required=_CHOOSE,
    )
    suggestions = SwitchField(
        _l(limits.USES[3].title),
        why=_l(limits.USES[3].means),
        collects=_COLLECTS,
        required=_CHOOSE,
    )

    def __init__(self, *args: Any, subject: Subject, **kwargs: Any) -> None:
        self.uses = limits.uses_of(subject)
        shown = {use.purpose.value for use in self.uses}
        declared: Any = type(self)
        self._unbound_fields = [
            pair
            for pair in declared._unbound_fields
            if not issubclass(pair[1].field_class, SwitchField) or pair[0] in shown
        ]
        kwargs["data"] = {
            use.purpose.value: NOT_USED if limits.is_limited(subject, use) else USED
            for use in self.uses
        }
        super().__init__(*args, **kwargs)
        for use in self.uses:
            self[use.purpose.value].choices = [
                SelectChoice(USED, gettext(use.yes)),
                SelectChoice(NOT_USED, gettext(use.no)),
            ]


@bp.route("/account/data/limits", methods=["GET", "POST"], endpoint="limits")
@bp.route("/data/<key>/limits", methods=["GET", "POST"], endpoint="limits")
def limits_page(key: str | None = None) -> ResponseReturnValue:
    """Show what one's data are used for, and stop or allow each use."""
    subject = present(key)
    if not isinstance(subject, Subject):
        return subject
    form, status = LimitsForm(subject=subject), 200
    if form.validate_on_submit():
        _put(subject, form)
        db.session.commit()
        return redirect(subject.url("privacy.limits", done=_DONE), 303)
    if request.method == "POST":
        status = 422
        only_read()
    return _page(subject, form), status


def _put(subject: Subject, form: LimitsForm) -> None:
    now = utcnow()
    for use in form.uses:
        limited = limits.is_limited(subject, use)
        if form[use.purpose.value].data == USED:
            if limited:
                limits.allow(subject, use, now=now)
            continue
        limits.limit(subject, use, now=now)
        # This browser's own yes ends too, whoever it was given for: its cookie goes.
        if use.category is not None and permission(use.category) is not None:
            choose({use.category: False}, circumstances("page"), now=now)


def _page(subject: Subject, form: LimitsForm) -> str:
    zone = zone_here()
    return render_template(
        "privacy/limits.html",
        subject=subject,
        form=form,
        done=request.method == "GET" and request.args.get("done") == _DONE,
        never=[(purpose_word(purpose), gettext(words)) for purpose, words in limits.NEVER],
        history=limits.history(subject),
        at=lambda moment: instant_text(moment, zone),
    )
