"""What the owner says of a change of who is responsible for people's data."""

from wtforms.fields.choices import SelectChoice

from app.continuity.controller_models import DATA, SITE
from app.core.languages import lazy_gettext as _l
from app.web.choice_fields import ChoiceField
from app.web.fields import CheckboxField, CountryField, DateField, EmailField, LinesField, TextField
from app.web.forms import Form

OWN_WORDS = ("en", "de", "fr", "zh")
_SENTENCE = 600


class PlanForm(Form):
    """Who becomes responsible, when, and what goes along."""

    name = TextField(
        _l("Name of the new one"),
        required=_l("Please enter the name, as people should read it."),
        most=200,
        why=_l("The law wants people to know who gets their data."),
        collects=(),
        autocomplete="off",
    )
    address = LinesField(
        _l("Its address"),
        required=_l("Please enter the address."),
        most=600,
        why=_l("So that people can write to it. One line below the other."),
        collects=(),
        autocomplete="off",
    )
    email = EmailField(
        _l("Its e-mail address"),
        required=_l("Please enter an address that people can write to."),
        why=_l("So that people can ask it about their data."),
        collects=(),
        autocomplete="off",
    )
    country = CountryField(
        _l("Its country"),
        required=_l("Please choose a country."),
        why=_l("If it isn’t the house’s own, people are told so."),
        collects=(),
        autocomplete="off",
    )
    changes_on = DateField(
        _l("The day of the change"),
        required=_l("Please enter the day."),
        why=_l("Until the day before, people can say no."),
        collects=(),
    )
    way = ChoiceField(
        _l("What goes along?"),
        required=_l("Please choose one of the two."),
        choices=(
            SelectChoice(SITE, _l("The whole site: it goes on, and somebody else runs it")),
            SelectChoice(DATA, _l("Only data: a sealed package for somebody else’s site")),
        ),
        why=_l("Whoever says no isn’t handed over, in either way."),
        collects=(),
    )
    public_key = LinesField(
        _l("The new one’s public key"),
        most=2000,
        why=_l(
            "Only for a package: it is sealed so that nobody but the new one can open it. "
            "It makes a pair of keys by: flask --app wsgi handover key"
        ),
        collects=(),
        autocomplete="off",
        render_kw={"spellcheck": "false", "rows": 5},
    )
    words_en = LinesField(
        _l("A sentence of yours, in English"),
        most=_SENTENCE,
        why=_l("It is shown with the notice. Without it, only the facts are."),
        collects=(),
        autocomplete="off",
    )
    words_de = LinesField(
        _l("A sentence of yours, in German"),
        most=_SENTENCE,
        why=_l("Without it, the English one is shown."),
        collects=(),
        autocomplete="off",
    )
    words_fr = LinesField(
        _l("A sentence of yours, in French"),
        most=_SENTENCE,
        why=_l("Without it, the English one is shown."),
        collects=(),
        autocomplete="off",
    )
    words_zh = LinesField(
        _l("A sentence of yours, in Chinese"),
        most=_SENTENCE,
        why=_l("Without it, the English one is shown."),
        collects=(),
        autocomplete="off",
    )


class NameForm(Form):
    """Say that it is meant, by typing the new one's name."""

    typed = TextField(
        _l("Type the name of the new one"),
        required=_l("Please type the name of the new one."),
        most=200,
        why=_l("So that nothing is announced or handed over by a slip of the finger."),
        collects=(),
        autocomplete="off",
    )


class StopForm(Form):
    """Call it off."""

    sure = CheckboxField(
        _l("Yes, call it off. Whoever was told of it is told that too."),
        required=_l("Please tick this box if you mean it."),
        why=_l("So that nothing is called off by a slip of the finger."),
        collects=(),
    )
