"""Values of ours that come back with a form; any of them may have been tampered with."""

from typing import Any, ClassVar

from wtforms.widgets import HiddenInput

from app.web.fields import TextField, WholeNumberField


class HiddenField(TextField):
    """A word of ours."""

    machine_made = True
    widget = HiddenInput()
    attributes: ClassVar[dict[str, Any]] = {}


class HiddenNumberField(WholeNumberField):
    """A number of ours."""

    machine_made = True
    widget = HiddenInput()
    attributes: ClassVar[dict[str, Any]] = {}

    def _value(self) -> str:
        return str(self.data) if self.data is not None else ""
