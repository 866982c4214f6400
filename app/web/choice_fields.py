"""Fields that are answered by choosing: one of a few, one of a list, or any of several."""

from typing import Any

import wtforms
from wtforms.validators import StopValidation
from wtforms.widgets import CheckboxInput, ListWidget

from app.core.languages import gettext
from app.web.forms import Asked


class _OneOf(Asked):
    """What isn't on offer is refused; that nothing was chosen, `required` says in its own words."""

    def pre_validate(self: Any, form: Any) -> None:
        """Refuse what isn't among the choices."""
        if self.raw_data or not self.flags.required:
            super().pre_validate(form)  # type: ignore[misc]  # the next class is a field of WTForms


class ChoiceField(_OneOf, wtforms.RadioField):
    """One of a few, all of them to be seen."""


class ListField(_OneOf, wtforms.SelectField):
    """One of a list."""


class TicksField(Asked, wtforms.SelectMultipleField):
    """Any of several, as boxes to tick; `data` is a list, and never ticked in advance."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()
    data: Any

    def pre_validate(self, form: Any) -> None:
        """Refuse what isn't on offer, in words of ours. Raises StopValidation."""
        if not set(self.data or ()) <= {choice.value for choice in self.iter_choices()}:
            raise StopValidation(gettext("Please choose one from the list."))
