"""Refusals: what the rules of the site say no to, in words a person can act on.

A feature names its refusals for what happened (`NightsTaken`), next to the rule
that raises them. A page answers with `error.say()` and status 409; a log, a test
and an operator read `str(error)`, which is always English.
"""

from datetime import date, datetime

from babel.dates import format_date

from app.core.languages import N_, current_locale, gettext


class DomainError(Exception):
    """Something that was asked for and may not happen.

    `message` is an English sentence, marked with N_, with a `%(name)s` for each
    value that is handed in by keyword. It says what to do next where there is
    something to do. A message with a number in it is worded so that it needs
    no plural ("at most: 3"), because one text serves every number.
    """

    message: str = N_("That isn’t possible.")

    def __init__(self, **values: object) -> None:
        super().__init__()
        self.values = values

    def __str__(self) -> str:
        return self.message % self.values if self.values else self.message

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return f"{type(self).__name__}({values})"

    def say(self) -> str:
        """Return the message in the current language, with dates written as it writes them."""
        return gettext(self.message, **{k: _worded(v) for k, v in self.values.items()})


def _worded(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return format_date(value, format="long", locale=current_locale())
    return value
