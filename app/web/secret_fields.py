"""What somebody proves with that they are who they say: passwords and codes.

A password is never shown again, and its every character counts.
"""

from typing import Any, ClassVar

import wtforms

from app.web.fields import PLAIN_TYPING, TextField
from app.web.forms import Asked


class PasswordField(Asked, wtforms.PasswordField):
    """A password, new or present: any characters, pasted or filled in, and never shown again."""

    most = 256
    attributes: ClassVar[dict[str, Any]] = {"autocomplete": "current-password", **PLAIN_TYPING}

    def process_formdata(self, values: list[str]) -> None:
        """Take the first value as it is: every character counts."""
        self.data = values[0] if values else ""


class CodeField(TextField):
    """A code that is typed off another screen, or off paper."""

    most = 40
    copied = True
    attributes: ClassVar[dict[str, Any]] = {
        "autocomplete": "one-time-code",
        "enterkeyhint": "go",
        **PLAIN_TYPING,
    }
