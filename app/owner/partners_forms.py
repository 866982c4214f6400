"""Who a partner is, and what those who allow it let it get."""

from datetime import date
from typing import Any

from wtforms.fields.choices import Choice, SelectChoice

from app.core.languages import BY_CODE, LANGUAGES, gettext
from app.core.languages import lazy_gettext as _l
from app.guestbook.partners import KINDS, PartnerFacts, facts_of
from app.guestbook.partners_models import MAIL, PAPER, PartnerTerms
from app.guestbook.partners_words import kind_word
from app.owner.offers_fields import NOBODYS, whole
from app.owner.partners import MOST_DAYS
from app.web.choice_fields import ChoiceField, ListField, TicksField
from app.web.fields import CheckboxField, CountryField, DateField, EmailField, LinesField, TextField
from app.web.forms import Form


class KindsField(TicksField):
    """What a partner gets, as boxes to tick: of a short list, and nothing else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, choices=[SelectChoice(one) for one in KINDS], **kwargs)

    def iter_choices(self) -> Any:
        """Yield what there is to choose, in the words in which guests read of it."""
        chosen = self.data or []
        for kind in KINDS:
            yield Choice(kind, kind_word(kind), kind in chosen, {})


class PartnerForm(Form):
    """A partner: who, what, why, by which way, and for how long."""

    name = TextField(_l("Name"), required=True, most=100, collects=NOBODYS, autocomplete="off")
    contact = TextField(
        _l("How guests reach it"),
        required=True,
        most=200,
        why=_l("An address, a telephone number or a web site. Guests read it before they decide."),
        collects=NOBODYS,
        autocomplete="off",
    )
    country = CountryField(_l("Country"), required=True, collects=NOBODYS, autocomplete="off")
    email = EmailField(
        _l("E-mail to write to"),
        required=True,
        why=_l("What guests allow goes there, and nowhere else."),
        collects=NOBODYS,
        autocomplete="off",
    )
    language = ListField(
        _l("Language to write in"),
        choices=[SelectChoice(code, BY_CODE[code].name) for code in LANGUAGES],
        required=True,
        collects=NOBODYS,
    )
    kinds = KindsField(
        _l("What it gets"),
        required=_l("Please choose what this partner gets."),
        why=_l("As little as it needs. Nothing else of a guest can go to a partner."),
        collects=NOBODYS,
    )
    way = ChoiceField(
        _l("How"),
        choices=(
            SelectChoice(MAIL, _l("by a mail, some days before each guest arrives")),
            SelectChoice(PAPER, _l("on a sheet that you print for it")),
        ),
        required=True,
        collects=NOBODYS,
    )
    days_before = whole(_l("Days before arrival on which the mail goes"), 0, 60, 3)
    keeps_days = whole(
        _l("Days after the stay for which it keeps this"),
        0,
        3650,
        0,
        why=_l("As agreed with it; guests read it, and each mail says it."),
    )

    @property
    def facts(self) -> PartnerFacts:
        """What was typed, for the verb."""
        return PartnerFacts(
            name=str(self.name.data),
            contact=str(self.contact.data),
            email=str(self.email.data),
            country=str(self.country.data),
            language=str(self.language.data),
            texts={code: {"why": str(self[f"{code}_why"].data or "")} for code in LANGUAGES},
            kinds=list(self.kinds.data or []),
            way=str(self.way.data),
            days_before=self.days_before.data,
            keeps_days=self.keeps_days.data,
        )

    @property
    def texts(self) -> list[Any]:
        """The fields of what the partner gets it for, one a language."""
        return [self[f"{code}_why"] for code in LANGUAGES]

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether all may be used; what it is for has to be said in one language at least."""
        fine = super().validate(extra_validators)
        if not any(field.data for field in self.texts):
            self.texts[0].errors = [gettext("Please say what this partner needs it for.")]
            return False
        return fine


for _code in LANGUAGES:
    setattr(
        PartnerForm,
        f"{_code}_why",
        LinesField(
            BY_CODE[_code].name,
            most=500,
            collects=NOBODYS,
            autocomplete="off",
            render_kw={"lang": BY_CODE[_code].tag},
        ),
    )


def shown(terms: PartnerTerms | None) -> dict[str, Any]:
    """Return what a form shows of a partner; what a new one begins with."""
    if terms is None:
        return {"language": LANGUAGES[0], "way": MAIL}
    facts = facts_of(terms)
    said = {f"{code}_why": text.get("why", "") for code, text in facts.texts.items()}
    names = (name for name in PartnerFacts.__slots__ if name != "texts")
    return {name: getattr(facts, name) for name in names} | said


class SheetForm(Form):
    """For which days a sheet is printed."""

    first = DateField(_l("Arrivals from"), required=True, collects=())
    last = DateField(_l("to"), required=True, collects=())

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether these are a few days, the later one last."""
        fine = super().validate(extra_validators)
        if not fine or self.first.data is None or self.last.data is None:
            return False
        days = (self.last.data - self.first.data).days
        if not 0 <= days < MOST_DAYS:
            self.last.errors = [
                gettext("Please choose at most %(most)d days, the later one last.", most=MOST_DAYS)
            ]
            return False
        return True

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day, of a form that validated."""
        assert self.first.data is not None
        assert self.last.data is not None
        return self.first.data, self.last.data


class ArchiveForm(Form):
    """The end of the work with a partner."""

    sure = CheckboxField(
        _l("Nothing may go to it any more"),
        required=_l("Please tick this, if it is so."),
        collects=(),
    )
