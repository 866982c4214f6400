"""What a guest says of their stay, and that everybody may read it."""

from typing import Any, ClassVar

from wtforms.fields.choices import SelectChoice

from app.core.languages import gettext
from app.core.languages import lazy_gettext as _l
from app.guestbook.reviews import NAMED, NOBODY, Written, name_shown
from app.web.choice_fields import ChoiceField
from app.web.fields import CheckboxField, CountryField, LinesField
from app.web.forms import Form
from app.web.hidden_fields import HiddenField


class ReviewForm(Form):
    """What everybody may read, each part chosen for itself."""

    NO_RATING: ClassVar[SelectChoice] = SelectChoice("", _l("no rating"))

    text = LinesField(
        _l("What should others know?"),
        most=3000,
        required=_l("Please write something, or leave this page."),
        why=_l(
            "Sealed until you agree that it be shown. Please leave out whatever isn’t "
            "everybody’s to know: your health, what you believe in, and other people."
        ),
        collects=("review.text",),
        autocomplete="off",
    )
    rating = ChoiceField(
        _l("In one number"),
        choices=(
            SelectChoice("5", _l("5: very good")),
            SelectChoice("4", _l("4: good")),
            SelectChoice("3", _l("3: so-so")),
            SelectChoice("2", _l("2: not so good")),
            SelectChoice("1", _l("1: bad")),
            NO_RATING,
        ),
        default="",
        why=_l("Shown with what you write. Without one, only that is shown."),
        collects=("review.rating",),
    )
    named = ChoiceField(
        _l("How you are named there"),
        choices=(),
        default=NOBODY,
        why=_l("Without a choice you aren’t named. Your whole name is never shown."),
        collects=("review.named",),
    )
    with_month = CheckboxField(
        _l("Show in which month I was there"),
        why=_l("Without it, no time is shown."),
        collects=(),
    )
    country = CountryField(
        _l("Country that you come from"),
        why=_l("Without it, none is shown."),
        collects=("review.country",),
        autocomplete="off",
    )

    def __init__(self, name: str | None = "", **kwargs: Any) -> None:
        """Make it for somebody of that name, who sees what each choice would show."""
        super().__init__(**kwargs)
        labels = {one: name_shown(name, one) for one in NAMED}
        self.named.choices = [SelectChoice(one, labels[one]) for one in NAMED]

    @property
    def written(self) -> Written:
        """What was written, of a form that validated."""
        return Written(
            text=str(self.text.data or ""),
            named=str(self.named.data or NOBODY),
            with_month=bool(self.with_month.data),
            country=str(self.country.data or ""),
            rating=int(self.rating.data) if self.rating.data else None,
        )


class AgreeForm(Form):
    """The yes to one item, as it was shown."""

    seen = HiddenField(collects=())
    minds = CheckboxField(
        _l("I have read that again, and everybody may know it."),
        why=_l("Only asked where something you wrote may be delicate."),
        collects=(),
    )

    def __init__(self, delicate: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.delicate = delicate

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether the yes counts; a delicate part is agreed to by itself."""
        fine = super().validate(extra_validators)
        if fine and self.delicate and not self.minds.data:
            self.minds.errors = [gettext("Please look at this once more, and tick it if it is so.")]
            return False
        return fine
