"""What the house did, in words: a sentence for each verb that is written into the trail."""

from datetime import date
from typing import Any

from app.accounts.words import role_word
from app.booking.rooms import REASONS
from app.booking.wording import full_day
from app.core.audit import AuditEntry
from app.core.languages import N_, current_locale, gettext
from app.core.money import format_money
from app.guestbook.reviews_house import BECAUSE
from app.owner.guest_words import DETAIL_WORDS, EXPORT_PURPOSES, PURPOSES
from app.owner.words import because_word, way_word

VERBS = {
    "person.invited": N_("Invited somebody to the house"),
    "person.invited_again": N_("Sent an invitation again"),
    "person.withdrawn": N_("Withdrew an invitation"),
    "person.role": N_("Changed somebody’s role"),
    "person.ended": N_("Ended somebody’s access"),
    "person.readmitted": N_("Let somebody in again"),
    "owner.created": N_("Made one more owner, by a command"),
    "owner.link": N_("Made a link that signs an owner in, by a command"),
    "link.renewed": N_("Ended the guest’s link and made a new one"),
    "refund.asked": N_("Gave money back"),
    "reservation.made": N_("Made the reservation for a guest"),
    "reservation.cancelled": N_("Cancelled the reservation"),
    "sum.asked": N_("Asked a guest for a sum"),
    "sum.withdrawn": N_("Withdrew a link to pay"),
    "refund.made_good": N_("Noted that money which failed to go back went back in another way"),
    "message.answered": N_("Wrote to the guest"),
    "risk.decided": N_("Decided about risk signals"),
    "detail-opened": N_("Opened a guest’s detail"),
    "guests-exported": N_("Downloaded guests’ details"),
    "partner.entered": N_("Entered a partner"),
    "partner.changed": N_("Changed what a partner is, or gets"),
    "partner.archived": N_("Archived a partner"),
    "partner.printed": N_("Printed a sheet for a partner"),
    "transfer.refused": N_("Kept something from a partner: nobody’s yes counted for it"),
    "review.published": N_("Showed a review, as its guest agreed to it"),
    "review.declined": N_("Declined to show a review"),
    "review.answered": N_("Answered below a review"),
    "survey-read": N_("Read what a guest wrote in a survey"),
    "stay.moved": N_("Moved a stay to other nights"),
    "stay.extended": N_("Made a stay longer"),
    "stay.shortened": N_("Made a stay shorter"),
    "stay.party_changed": N_("Changed how many come to a stay"),
    "stay.offer_changed": N_("Moved a stay to another offer"),
    "stay.reseated": N_("Gave a stay another room"),
    "stay.pinned": N_("Pinned a stay to its room"),
    "stay.unpinned": N_("Let a stay be moved to another room again"),
    "stay.checked_in": N_("Noted that the guests arrived"),
    "stay.checked_out": N_("Noted that the guests left"),
    "stay.no_show": N_("Noted that nobody came"),
    "stay.note_taken_back": N_("Took back what was noted of an arrival"),
    "session.moved": N_("Moved a session’s guests to another time"),
    "session.seats_changed": N_("Changed the number of seats"),
    "offer_made": N_("Made an offer"),
    "offer_texts": N_("Changed what an offer says"),
    "offer_numbers": N_("Changed an offer’s numbers"),
    "offer_sale": N_("Put an offer on sale, or took it off"),
    "offer_deleted": N_("Deleted an offer"),
    "price": N_("Changed a price"),
    "price_added": N_("Added a price"),
    "price_deleted": N_("Deleted a price"),
    "closed": N_("Closed an offer for some days"),
    "opened": N_("Opened an offer again for some days"),
    "extra": N_("Made or changed an extra"),
    "extra_deleted": N_("Deleted an extra"),
    "charge": N_("Made or changed a charge"),
    "charge_deleted": N_("Deleted a charge"),
    "picture": N_("Put up a picture"),
    "picture_gone": N_("Took a picture away"),
    "place": N_("Set up the place, or changed what it is"),
    "place_texts": N_("Changed what the place says"),
    "terms": N_("Changed what new reservations promise"),
    "unit.blocked": N_("Blocked a room"),
    "unit.unblocked": N_("Ended the block of a room"),
    "feed.made": N_("Made a partner’s calendar"),
    "feed.given": N_("Gave a partner’s calendar a new address"),
    "feed.revoked": N_("Ended the address of a partner’s calendar"),
    "feed.address": N_("Entered where a partner’s calendar is fetched"),
    "feed.stopped": N_("Stopped fetching a partner’s calendar"),
    "feed.ended": N_("Deleted a partner’s calendar"),
    "feed.fetched": N_("Fetched a partner’s calendar"),
    "feed.moved": N_("Freed a room for what a partner booked"),
    "feed.dismissed": N_("Dismissed a conflict with a partner’s calendar"),
    "feed.another": N_("Said that a partner’s nights are another booking"),
    "payment.looked": N_("Asked the provider about a payment"),
    "payments.looked": N_("Asked the provider about every payment"),
    "request.answered": N_("Did what was asked about personal data"),
    "request.refused": N_("Refused what was asked about personal data"),
    "request.extended": N_("Took more time for a request about personal data"),
    "request.entered": N_("Wrote down a request about personal data"),
    "request.law": N_("Chose whose law counts for requests"),
    "controller.planned": N_("Planned a change of who is responsible for people’s data"),
    "controller.announced": N_("Announced a change of who is responsible for people’s data"),
    "controller.stopped": N_("Called off a change of who is responsible for people’s data"),
    "controller.begun": N_("Began the hand-over to whoever becomes responsible"),
    "controller.done": N_("Finished a change of who is responsible for people’s data"),
    "controller.fetched": N_("Downloaded the sealed package of a hand-over"),
    "incident.recorded": N_("Wrote down an incident"),
    "incident.looked": N_("Listed anew whom an incident concerns"),
    "incident.added": N_("Put somebody on the list of an incident"),
    "incident.out": N_("Took somebody off the list of an incident, with a reason"),
    "incident.back": N_("Put somebody back on the list of an incident"),
    "incident.decided": N_("Decided how grave an incident is"),
    "incident.written": N_("Wrote the letter about an incident"),
    "incident.sent": N_("Had people told of an incident"),
    "incident.composed": N_("Composed the letters of a rehearsal"),
    "incident.told": N_("Told somebody of an incident by telephone or letter"),
    "incident.reported": N_("Noted that an incident was reported to the authority"),
    "incident.published": N_("Made an incident public"),
    "incident.withdrawn": N_("Took the public notice of an incident away"),
    "incident.closed": N_("Closed an incident"),
    "incident.rehearsed": N_("Rehearsed an incident, by a command"),
    "system.upgraded": N_("Upgraded the system, by a command"),
    "system.rolled_back": N_("Brought back the system of before an upgrade, by a command"),
    "closing.planned": N_("Planned to close the place down"),
    "closing.withdrawn": N_("Threw the plan to close down away"),
    "closing.begun": N_("Began to close the place down"),
    "closing.moved": N_("Moved the days of the closing"),
    "closing.stopped": N_("Called the closing off"),
    "closing.announced": N_("Announced the closing, by itself"),
    "closing.cancelled": N_("Cancelled a reservation because the place closes, by itself"),
    "closing.parts": N_("Cancelled a part of a reservation because the place closes, by itself"),
    "closing.ended": N_("Closed after the last day, by itself"),
    "closing.erasing": N_("Began to erase everybody, by itself"),
    "closing.done": N_("Signed the certificate of the closing, by itself"),
    "draft.started": N_("Began a draft of the terms or the privacy policy"),
    "draft.changed": N_("Wrote a draft of the terms or the privacy policy"),
    "draft.thrown_away": N_("Threw a draft of the terms or the privacy policy away"),
    "version.published": N_("Published a version of the terms or the privacy policy"),
    "version.withdrawn": N_("Took back a version of the terms or the privacy policy"),
    "jobs.tried_again": N_("Had mails and tasks tried again that had given up"),
}
"""Every verb that is passed to `audit.enter` or what calls it has its words here."""

KINDS = {
    "account": N_("somebody of the house"),
    "charge": N_("charge"),
    "closing": N_("closing down"),
    "controller": N_("change of who is responsible"),
    "document": N_("document"),
    "draft": N_("draft of a text"),
    "extra": N_("extra"),
    "feed": N_("partner’s calendar"),
    "guests": N_("guests"),
    "house": N_("the house"),
    "incident": N_("incident"),
    "message": N_("message"),
    "offer": N_("offer"),
    "partner": N_("partner"),
    "payment": N_("payment"),
    "person": N_("guest"),
    "request": N_("request"),
    "reservation": N_("reservation"),
    "review": N_("review"),
    "survey": N_("survey"),
    "system": N_("the system"),
    "unit": N_("room"),
    "venue": N_("the place"),
}
"""What an act can be about."""

_DETAILS = {
    "last_day": N_("last day"),
    "downloads_until": N_("downloads until"),
    "erase_on": N_("erased on"),
    "people": N_("people"),
    "adults": N_("adults"),
    "amount": N_("amount"),
    "arrive": N_("arrival"),
    "because": N_("reason"),
    "before": N_("before"),
    "by": N_("in which way"),
    "children": N_("children"),
    "columns": N_("details"),
    "count": N_("number"),
    "country": N_("country"),
    "day": N_("day"),
    "decision": N_("decision"),
    "depart": N_("departure"),
    "deposit_bp": N_("deposit"),
    "detail": N_("detail"),
    "difference": N_("difference"),
    "document": N_("document"),
    "first": N_("from"),
    "given_back": N_("nights given back"),
    "jobs": N_("number"),
    "last": N_("up to"),
    "language": N_("language"),
    "law": N_("law"),
    "line": N_("line"),
    "minor": N_("amount"),
    "moved": N_("others who got another room"),
    "offer_id": N_("offer"),
    "on_sale": N_("on sale"),
    "price": N_("price"),
    "purpose": N_("purpose"),
    "rate": N_("number of the price"),
    "reason": N_("reason"),
    "role": N_("role"),
    "seats": N_("seats"),
    "source": N_("came by"),
    "starts_at": N_("start"),
    "tiers": N_("what comes back"),
    "told": N_("the guest was told"),
    "units": N_("rooms"),
    "until": N_("until"),
    "was": N_("before"),
    "what": N_("what"),
    "why": N_("reason"),
}
_MONEY = ("amount", "minor", "difference")
_PURPOSES: dict[str, Any] = {**EXPORT_PURPOSES, **PURPOSES}
_OTHER_VALUES = {
    **{("why", code): words for code, words in BECAUSE.items()},
    ("decision", "fine"): N_("fine"),
    ("document", "privacy"): N_("Privacy policy"),
    ("document", "terms"): N_("Terms"),
    ("decision", "refused"): N_("refused"),
    ("price", "anew"): N_("by today’s prices"),
    ("price", "kept"): N_("as it was"),
    ("what", "stay"): N_("by the night"),
    ("what", "session"): N_("by the seat"),
}
_FAULTS = {
    "is missing": N_("Entry %(position)d is missing."),
    "was changed": N_("Entry %(position)d was changed."),
}


def verb_word(verb: str) -> str:
    """Return what was done, as the beginning of a sentence."""
    return gettext(VERBS[verb]) if verb in VERBS else verb


def kind_word(kind: str) -> str:
    """Return what an act was about."""
    return gettext(KINDS[kind]) if kind in KINDS else kind


def fault_line(position: int, fault: str) -> str:
    """Return what is wrong with an entry, as a sentence; `fault` is one of audit.faults()."""
    return gettext(_FAULTS[fault], position=position)


def detail_words(entry: AuditEntry) -> list[tuple[str, str]]:
    """Return the values of an entry: their names and what they are, in words."""
    detail = dict(entry.detail)
    currency = detail.pop("currency", None)
    return [
        (gettext(_DETAILS[name]) if name in _DETAILS else name, _value_word(name, value, currency))
        for name, value in sorted(detail.items())
        if value not in (None, "")
    ]


def _value_word(name: str, value: Any, currency: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, int) and isinstance(currency, str) and name in _MONEY:
        return format_money(value, currency, current_locale())
    if name in ("role", "was") and isinstance(value, str):
        return role_word(value)
    if isinstance(value, str) and (said := _known_word(name, value)):
        return said
    if isinstance(value, str) and (day := _day(value)):
        return full_day(day)
    if isinstance(value, list):
        return gettext(", ").join(_known_word("detail", one) or str(one) for one in map(str, value))
    return str(value)


def _known_word(name: str, value: str) -> str:
    """Return one of our own codes in words; "" for anything else."""
    if name == "because":
        return str(because_word(value))
    if name == "by":
        return str(way_word(value))
    if name == "reason":
        return gettext(REASONS[value]) if value in REASONS else ""
    if name == "detail" and value in DETAIL_WORDS:
        return str(DETAIL_WORDS[value][0])
    if name == "purpose":
        return str(_PURPOSES.get(value, ""))
    return gettext(_OTHER_VALUES[name, value]) if (name, value) in _OTHER_VALUES else ""


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value) if len(value) == 10 else None
    except ValueError:
        return None
