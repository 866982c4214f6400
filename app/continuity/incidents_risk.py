"""How grave an incident is likely to be for people: a proposal with its reasons (C15).

The program proposes; somebody of the house decides (GDPR, Articles 33(1) and 34(1)).
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from app.continuity.incidents_models import HIGH, NO_RISK, RISK
from app.core.datamap import Kind
from app.core.languages import N_, gettext

_SECRETS = frozenset({Kind.CREDENTIAL, Kind.SIGN_IN, Kind.PERSON_KEY})
_MONEY = frozenset({Kind.PAYMENT, Kind.BILLING_ADDRESS})
_INTIMATE = frozenset({Kind.WISH, Kind.MESSAGE, Kind.HISTORY})
_CONTACT = frozenset(
    {Kind.NAME, Kind.EMAIL, Kind.PHONE, Kind.ACCOUNT_EMAIL, Kind.SHIPPING_ADDRESS, Kind.WECHAT_ID}
)
MANY = 1000
"""From so many people on we propose to call it high."""

WORDS = {
    NO_RISK: N_("No risk is likely"),
    RISK: N_("A risk"),
    HIGH: N_("A high risk"),
}
_WHY = {
    "nobody": N_("Nobody is on the list."),
    "sealed": N_("Nothing could be read: it is sealed under keys that were not taken."),
    "secrets": N_("Secrets to sign in with are among what could be read."),
    "money": N_("How people pay is among what could be read."),
    "intimate": N_("What people wished or wrote is among what could be read."),
    "purpose": N_("Somebody meant to get names or addresses, and may use them."),
    "many": N_("A thousand people or more are concerned."),
    "some": N_("Something of people could be read by somebody whom it isn’t for."),
}


class Proposal(NamedTuple):
    """A risk, and why; codes of words."""

    risk: str
    why: list[str]


def propose(kinds: Collection[str], *, people: int, on_purpose: bool) -> Proposal:
    """Return what risk is likely; `kinds` are those of the data that could be read."""
    found = set(kinds)
    if not people:
        return Proposal(NO_RISK, ["nobody"])
    if not found:
        return Proposal(NO_RISK, ["sealed"])
    graver: Sequence[tuple[str, bool]] = (
        ("secrets", bool(found & _SECRETS)),
        ("intimate", bool(found & _INTIMATE)),
        ("purpose", on_purpose and bool(found & (_CONTACT | _MONEY))),
        ("many", people >= MANY),
    )
    why = [code for code, holds in graver if holds]
    if why:
        return Proposal(HIGH, why)
    return Proposal(RISK, ["money"] if found & _MONEY else ["some"])


def why_words(codes: Collection[str]) -> list[str]:
    """Return the reasons of a proposal, in the current language."""
    return [gettext(_WHY[code]) for code in codes]


def word(risk: str) -> str:
    """Return what a risk is called; "" while it is undecided."""
    return gettext(WORDS[risk]) if risk in WORDS else ""
