"""What stands on the board, in words: states are told by text, and never by a colour alone."""

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import NamedTuple

from app.booking import wording
from app.booking.rooms import REASON_WORDS
from app.core.languages import N_, gettext
from app.owner.board import BLOCK, FREE, Run

STATES = {
    "firm": N_("booked"),
    "held": N_("held"),
    "due": N_("expected"),
    "here": N_("checked in"),
    "left": N_("left"),
    "over": N_("over"),
    "no_show": N_("never came"),
}
DONE = {
    "changed": N_("It is done."),
    "told": N_("It is done, and the guest is told by mail."),
    "check_in": N_("Noted: they are here."),
    "check_out": N_("Noted: they have left."),
    "no_show": N_("Noted: they never came."),
    "undo": N_("What was noted last is taken back."),
    "pin": N_("They keep this very room: nothing moves them."),
    "unpin": N_("The room may change again until they come."),
    "block": N_("The room is kept from guests."),
    "unblock": N_("The nights can be booked again."),
}


class Words(NamedTuple):
    """A run in words: on its bar, beside it in small, and for who can't see the columns."""

    name: str
    small: str
    spoken: str


def state_word(state: str) -> str:
    """Return how a stay stands."""
    return gettext(STATES[state])


def reason_word(reason: str) -> str:
    """Return why a room is kept from guests."""
    return gettext(REASON_WORDS[reason])


def done_word(done: str) -> str:
    """Return what was just done, by the word in an address; "" for nothing."""
    return gettext(DONE[done]) if done in DONE else ""


def teller() -> Callable[[Run], Words]:
    """Return what words runs in the current language; days and lengths are worded once."""

    @cache
    def when(first: date, nights: int) -> str:
        return gettext(
            "from %(day)s, %(nights)s", day=wording.short_day(first), nights=wording.nights(nights)
        )

    @cache
    def small(state: str, pinned: bool) -> str:
        words = [state_word(state)] if state != "firm" else []
        return gettext(", ").join([*words, gettext("stays here")] if pinned else words)

    free, blocked, nobody = gettext("Free"), gettext("Blocked"), gettext("Nobody’s name")

    def tell(run: Run) -> Words:
        spoken = when(run.first, run.nights)
        if run.kind == FREE:
            return Words(free, "", spoken)
        if run.kind == BLOCK:
            return Words(blocked, reason_word(run.state), spoken)
        return Words(run.guest or run.reference or nobody, small(run.state, run.pinned), spoken)

    return tell
