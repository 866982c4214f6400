"""A visitor's answer, as their browser keeps it: signed, dated, one grant a category.

The cookie says all that a page must know, so that no page asks the database. It
holds a random receipt number and nothing about the visitor, and no other
purpose uses that number. It also marks which random numbers were given out with
it, so that one that was planted beside it is nobody's.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from dateutil.relativedelta import relativedelta

from app.consent.register import CHOICE_MONTHS, inventory
from app.web.cookies import OPTIONAL, Category

_LETTERS = {"p": Category.PREFERENCES, "s": Category.STATISTICS, "g": Category.SUGGESTIONS}
_OF_LETTER = {category: letter for letter, category in _LETTERS.items()}
_NO = "0"
_LONGEST = 200  # characters of a cookie worth reading
_VERSION = "1"
_MARK = "~"
# Machines that serve one site may be seconds apart; nobody but they can date a choice.
_APART = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was answered, when, and under which receipt.

    `answers` has each optional category that was asked about; the value is the
    inventory that a yes covers, "" for a no.
    """

    receipt_id: str
    made_at: datetime
    answers: Mapping[Category, str]
    over_signal: bool = False
    """Whether it was made in the presence of a refusal signal, which it then overrules."""
    marks: Mapping[Category, str] = field(default_factory=dict)
    """By which the random numbers that were given out with it are known again."""
    counts_from: datetime | None = None
    """When its oldest part was answered; None where all of it was answered at once."""

    @property
    def until(self) -> datetime:
        """When it is asked again: six calendar months after its oldest part was answered.

        Answering about one category doesn't make the yes to another last longer.
        """
        return runs_out(self.counts_from or self.made_at)

    @property
    def granted(self) -> frozenset[Category]:
        """The categories with a yes that covers what they are today."""
        return frozenset(c for c, said in self.answers.items() if said and said == inventory(c))

    @property
    def outgrown(self) -> tuple[Category, ...]:
        """The categories whose yes doesn't cover what they have become since.

        A no needs no asking again: it covers more of the same.
        """
        return tuple(c for c in OPTIONAL if self.answers.get(c) and self.answers[c] != inventory(c))

    @property
    def unanswered(self) -> tuple[Category, ...]:
        """The categories that the visitor is to be asked about."""
        new = tuple(c for c in OPTIONAL if c not in self.answers)
        return tuple(c for c in OPTIONAL if c in new or c in self.outgrown)

    def marks_as_its_own(self, category: Category, token: str) -> bool:
        """Tell whether a random number was given out with this very choice."""
        return bool(token) and self.marks.get(category) == mark_of(token)


def mark_of(token: str) -> str:
    """Return by what a choice knows a random number again, 8 hexadecimal digits.

    Short, because it guards against a number from elsewhere and not against a guess:
    the number itself has 128 bits.
    """
    return sha256(token.encode()).hexdigest()[:8]


@lru_cache(maxsize=1024)
def runs_out(made_at: datetime) -> datetime:
    """Return when a choice of that instant is asked again."""
    return made_at + relativedelta(months=CHOICE_MONTHS)


def to_cookie(choice: Choice, secret: bytes) -> str:
    """Return the value of the cookie that keeps a choice."""
    answers = "-".join(_spelled(choice, c) for c in OPTIONAL if c in choice.answers)
    over = "o" if choice.over_signal else "n"
    seconds = f"{int(choice.made_at.timestamp())}"
    if choice.counts_from:
        seconds += f"{_MARK}{int(choice.counts_from.timestamp())}"
    said = f"{_VERSION}.{choice.receipt_id}.{seconds}.{answers}.{over}"
    return f"{said}.{_signature(said, secret)}"


def from_cookie(value: str, secret: bytes, *, now: datetime) -> Choice | None:
    """Return the choice in a cookie; None where there is none, it ran out, or isn't ours."""
    if not value or len(value) > _LONGEST:
        return None
    said, _, signature = value.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(said, secret).encode()):
        return None
    try:
        choice = _read(said)
    except (ValueError, KeyError):
        # Ours, from a release that spelled it otherwise: asking again beats an error on
        # every page.
        return None
    return choice if choice.made_at - _APART <= now < choice.until else None


def _spelled(choice: Choice, category: Category) -> str:
    mark = choice.marks.get(category, "")
    said = choice.answers[category] or _NO
    return f"{_OF_LETTER[category]}{said}{_MARK + mark if mark else ''}"


def _read(said: str) -> Choice:
    version, receipt_id, seconds, spelled, over = said.split(".")
    if version != _VERSION:
        raise ValueError(version)
    answers, marks = {}, {}
    for one in spelled.split("-"):
        if one:
            category = _LETTERS[one[0]]
            inventory_then, _, mark = one[1:].partition(_MARK)
            answers[category] = "" if inventory_then == _NO else inventory_then
            if mark:
                marks[category] = mark
    made, _, oldest = seconds.partition(_MARK)
    made_at = datetime.fromtimestamp(int(made), UTC)
    counts_from = datetime.fromtimestamp(int(oldest), UTC) if oldest else None
    return Choice(receipt_id, made_at, answers, over == "o", marks, counts_from)


def _signature(said: str, secret: bytes) -> str:
    # Nobody but the server can have made it: a page of ours with a mistake in it can't
    # say yes for a visitor. That a neighbouring host can't plant somebody else's, the
    # name sees to ("__Host-").
    mac = hmac.new(secret, said.encode(), sha256).digest()[:16]
    return urlsafe_b64encode(mac).rstrip(b"=").decode()
