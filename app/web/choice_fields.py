"""Fields that are answered by choosing: one of a few that are all to be seen, or one of a list."""

from typing import Any

import wtforms

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
