"""The page on which a visitor chooses how pages look, and what becomes of the choice."""

from functools import cache
from typing import Any

from babel.dates import format_date
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.consent.frame import consent
from app.consent.preferences import remember
from app.core.database import only_read
from app.core.languages import BY_CODE, current_locale, use_language
from app.core.languages import lazy_gettext as _l
from app.core.money import format_money
from app.web import languages
from app.web.choice_fields import ChoiceField, ListField
from app.web.cookies import Category
from app.web.forms import Form
from app.web.hidden_fields import HiddenField
from app.web.pages import private_page
from app.web.paths import local_path
from app.web.wishes import CODE, DARK, LIGHT, SYMBOL, Wishes, parameters, readdressed

bp = Blueprint("consent_preferences", __name__)

_AS_THE_DEVICE_SAYS = "auto"
_EXAMPLE = (123_450, "EUR")  # large enough to show how thousands are set apart
# How a page looks is nobody's: it stands in no column of ours.
_NOBODYS: tuple[str, ...] = ()


@cache
def _manners() -> list[SelectChoice]:
    """Return each language with each of its regions, in the language's own words."""
    return [
        SelectChoice(
            f"{language.code}-{region}",
            f"{language.name} ({language.locale.territories[region]})",
            {"lang": language.tag},
        )
        for language in BY_CODE.values()
        for region in language.regions
    ]


class PreferencesForm(Form):
    """Language with region, how prices are written, and light or dark."""

    manner = ListField(
        _l("Language and region"),
        choices=_manners,
        required=True,
        collects=_NOBODYS,
        why=_l("For the texts, and for how dates, numbers and amounts are written."),
    )
    currency = ChoiceField(
        _l("Prices"),
        choices=(),
        required=True,
        collects=_NOBODYS,
        why=_l("The amounts are the same either way."),
    )
    theme = ChoiceField(
        _l("Light or dark"),
        choices=(
            SelectChoice(_AS_THE_DEVICE_SAYS, _l("As my device says")),
            SelectChoice(LIGHT, _l("Light")),
            SelectChoice(DARK, _l("Dark")),
        ),
        required=True,
        collects=_NOBODYS,
        why=_l("For tired eyes, or a bright room."),
    )
    next = HiddenField(collects=_NOBODYS, most=500)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.currency.choices = [
            SelectChoice(SYMBOL, _example(codes=False)),
            SelectChoice(CODE, _example(codes=True)),
        ]

    @property
    def wishes(self) -> Wishes:
        """What a form that is valid wishes for."""
        language, _, region = self.manner.data.partition("-")
        theme = "" if self.theme.data == _AS_THE_DEVICE_SAYS else self.theme.data
        return Wishes(language, region, self.currency.data, theme)


def _example(*, codes: bool) -> str:
    now = languages.present()
    with use_language(now.language, now.region, currency_codes=codes):
        return format_money(*_EXAMPLE, current_locale())


@bp.get("/preferences")
@private_page
def preferences() -> ResponseReturnValue:
    """Ask how pages are to look."""
    now = languages.present()
    values = {
        "manner": f"{now.language}-{now.region}",
        "currency": now.currency,
        "theme": now.theme or _AS_THE_DEVICE_SAYS,
        "next": local_path(request.args.get("next")) or "",
    }
    return _page(PreferencesForm(data=values))


@bp.post("/preferences")
@private_page
def choose() -> ResponseReturnValue:
    """Take the choice: into the cookie where that is allowed, else into the address."""
    only_read()
    form = PreferencesForm()
    if not form.validate_on_submit():
        return _page(form), 422
    back = local_path(form.next.data) or url_for(".preferences", saved="yes")
    if consent().allows(Category.PREFERENCES):
        remember(form.wishes)
        return redirect(readdressed(back, {}), 303)
    return redirect(readdressed(back, parameters(form.wishes)), 303)


def _page(form: PreferencesForm) -> str:
    said = consent()
    until = ""
    if said.choice and said.allows(Category.PREFERENCES):
        until = format_date(said.choice.until.date(), "long", locale=current_locale())
    return render_template(
        "consent/preferences.html", form=form, until=until, saved="saved" in request.args
    )
