"""What the codes in a person's rows mean. A code without a word is shown as it is kept."""

from collections.abc import Callable
from typing import Final

from app.accounts.disclosures import WHAT as DISCLOSED
from app.accounts.readings import DETAILS, PURPOSES
from app.accounts.readings import WHAT as READ
from app.accounts.words import NEWS, READERS, ROLE_WORDS, device_words
from app.consent.words import click_word, page_word
from app.core.datamap import Purpose
from app.core.languages import BY_CODE as LANGUAGES
from app.core.languages import N_, gettext
from app.guestbook.reviews_house import BECAUSE
from app.guestbook.wishes import ONE_BED, TWO_BEDS
from app.policy.recipients import name_of
from app.privacy.words import purpose_word

_MONEY: Final = {
    "created": N_("begun"),
    "requested": N_("asked for"),
    "pending": N_("waiting"),
    "processing": N_("on its way"),
    "authorised": N_("promised by the bank"),
    "paid": N_("paid"),
    "succeeded": N_("done"),
    "expired": N_("expired"),
    "cancelled": N_("cancelled"),
    "failed": N_("failed"),
    "voided": N_("let go"),
    "lapsed": N_("lapsed"),
    "review": N_("to be looked at"),
}
_WORDS: Final = {
    "account.role": ROLE_WORDS,
    "account_refusal.signal": {"gpc": "Global Privacy Control", "dnt": "Do Not Track"},
    "activity_line.kind": {"page": N_("a page"), "click": N_("a click")},
    "consent_grant.category": {
        "preferences": N_("preferences"),
        "statistics": N_("statistics"),
        "suggestions": N_("suggestions"),
    },
    "disclosure.what": {code: words for code, (words, _) in DISCLOSED.items()},
    "dispute.state": {
        "inquiry": N_("the bank asks"),
        "open": N_("open"),
        "won": N_("decided for us"),
        "lost": N_("decided for you"),
    },
    "erasure.state": {
        "postponed": N_("postponed to its day"),
        "running": N_("under way"),
        "done": N_("done"),
        "withdrawn": N_("withdrawn"),
    },
    "export.state": {
        "asked": N_("waiting to be made"),
        "making": N_("being made"),
        "ready": N_("ready"),
        "failed": N_("failed"),
    },
    "invoice.kind": {"invoice": N_("an invoice"), "credit_note": N_("a credit note")},
    "mail_link.news": NEWS,
    "mail_link.purpose": {
        "verify": N_("to open your account"),
        "way_in": N_("to get in without a password"),
        "email": N_("to change your address"),
        "claim": N_("to add earlier reservations"),
        "invite": N_("to invite you"),
        "told": N_("to tell you of a change, and to undo it"),
    },
    "message.author": {"guest": N_("you"), "house": N_("the house")},
    "payment.part": {"full": N_("all of it"), "deposit": N_("deposit"), "balance": N_("the rest")},
    "payment.provider": {"demo": N_("Demo bank"), "stripe": "Stripe"},
    "payment.state": _MONEY,
    "payment.way": {
        "page": N_("on the provider’s page"),
        "keep": N_("on the provider’s page, and the card was kept"),
        "kept": N_("with the card that was kept"),
    },
    "person_permission.how": {
        "checkout": N_("as you booked"),
        "reservation": N_("on the page of a reservation"),
        "account": N_("in your account"),
    },
    "partner_transfer.way": {"mail": N_("by mail"), "paper": N_("on paper")},
    "person_permission.ended_how": {
        "checkout": N_("by you, as you booked"),
        "reservation": N_("by you, on the page of a reservation"),
        "account": N_("by you, in your account"),
        "changed": N_("what you had said yes to was changed"),
        "archived": N_("we don’t work together any more"),
        "rewritten": N_("you changed what you wrote"),
        "erased": N_("you asked to be erased"),
        "handed_over": N_("somebody else became responsible for your data"),
    },
    "privacy_request.kind": {
        "access": N_("to see or take along your data"),
        "correct": N_("to correct something"),
        "erase": N_("to be forgotten"),
        "restrict": N_("to have uses stopped"),
        "object": N_("to object to a use"),
        "move": N_("to take your data elsewhere"),
        "other": N_("something else"),
    },
    "privacy_request.law": {
        "gdpr": N_("by the GDPR"),
        "california": N_("by the law of California"),
        "china": N_("by the law of China"),
    },
    "reading.detail": DETAILS,
    "reading.purpose": PURPOSES,
    "reading.role": READERS,
    "reading.what": READ,
    "refund.reason": {
        "cancelled": N_("cancelled"),
        "late": N_("paid too late"),
        "surplus": N_("paid twice"),
        "owner": N_("by the house"),
        "external": N_("made at the provider"),
    },
    "refund.state": _MONEY,
    "refund.made_good_by": {
        "transfer": N_("by transfer"),
        "cash": N_("in cash"),
        "other": N_("in another way"),
    },
    "reservation.kind": {
        "booking": N_("a reservation"),
        "asked": N_("a sum that the house asked for"),
    },
    "reservation.risk_decision": {"fine": N_("fine"), "refused": N_("refused")},
    "reservation.source": {
        "web": N_("on this site"),
        "phone": N_("by telephone or mail"),
        "walk_in": N_("at the door"),
    },
    "reservation.status": {
        "held": N_("held"),
        "confirmed": N_("confirmed"),
        "released": N_("released"),
        "cancelled": N_("cancelled"),
    },
    "reservation_line.kind": {
        "stay": N_("a stay"),
        "session": N_("seats"),
        "extra": N_("an extra"),
        "fee": N_("a fee"),
        "tax": N_("a tax"),
        "discount": N_("a discount"),
    },
    "review.because": BECAUSE,
    "review.named": {
        "first": N_("by your first name"),
        "initials": N_("by your initials"),
        "guest": N_("as a guest"),
    },
    "review.state": {
        "draft": N_("written, not shown"),
        "waiting": N_("agreed to, not shown yet"),
        "shown": N_("shown"),
        "declined": N_("declined"),
        "withdrawn": N_("taken back"),
    },
    "stay_wish.bed": {ONE_BED: N_("One bed for two"), TWO_BEDS: N_("Two beds")},
    "version_notice.noticed_how": {
        "button": N_("you pressed “All right, noted”"),
        "use": N_("you came again once it was in force"),
    },
    "told.how": {"mail": N_("by mail"), "push": N_("on a device")},
    "told.state": {
        "waiting": N_("is on its way"),
        "told": N_("told"),
        "failed": N_("couldn’t be sent"),
        "shared": N_("told at the same address, once"),
        "nowhere": N_("not sent: no address"),
    },
    "restriction.kind": {"restrict": N_("restricted"), "object": N_("objected")},
}


def _language(code: str) -> str:
    return LANGUAGES[code].name if code in LANGUAGES else code


def _purpose(code: str) -> str:
    return purpose_word(Purpose(code)) if code in set(Purpose) else code


def _page_or_click(code: str) -> str:
    return page_word(code) if code.startswith("/") else click_word(code)


def _allowed(code: str) -> str:
    return gettext("everybody, of one review") if code.startswith("review:") else name_of(code)


_MAKERS: Final[dict[str, Callable[[str], str]]] = {
    "activity_line.what": _page_or_click,
    "disclosure.recipient": name_of,
    "mail_link.detail": device_words,
    "passkey.device": device_words,
    "partner_transfer.recipient": name_of,
    "person_permission.purpose": _purpose,
    "person_permission.recipient": _allowed,
    "restriction.purpose": _purpose,
    "push_subscription.device": device_words,
    "session.device": device_words,
}


def code_word(path: str, code: str) -> str:
    """Return what a code in the column "table.column" means, or the code itself."""
    if path in _MAKERS:
        return _MAKERS[path](code)
    if path.endswith(".language"):
        return _language(code)
    word = _WORDS.get(path, {}).get(code)
    return gettext(word) if word is not None else code
