"""A time of day, as guests and the house type it."""

import re
from datetime import time
from typing import Any, ClassVar

from wtforms.widgets import TimeInput

from app.core.languages import gettext
from app.web.fields import TextField

_TIME = re.compile(r"([01]?\d|2[0-3])(?:[:.h]([0-5]\d))?(?::00)?", re.ASCII)


class ClockField(TextField):
    """A time of day, kept as HH:MM; typed by hand, "18:30", "18.30", "18h30" or "18"."""

    most = 20
    widget = TimeInput()
    attributes: ClassVar[dict[str, Any]] = {"autocomplete": "off"}

    def process_formdata(self, values: list[str]) -> None:
        """Read the time. Raises ValueError with a message for people."""
        super().process_formdata(values)
        if not self.data:
            return
        found = _TIME.fullmatch(self.data.strip())
        if found is None:
            raise ValueError(gettext("Please enter a time of day, such as 18:30."))
        self.data = f"{int(found[1]):02}:{found[2] or '00'}"

    def time(self) -> time:
        """Return what was typed; to be asked of a field that was required and is valid."""
        return time.fromisoformat(self.data or "")
