"""What the policy promises, clause by clause, and where each promise is put to the test (C06).

`privacy evidence` and the public pages are made from here, from the data map and from the
tests. What isn't built would say so: in `NOT_YET`, or, where a part is missing, in `still`.
"""

from dataclasses import dataclass

from app.core.datamap import Purpose
from app.core.languages import N_

NOT_YET: tuple[str, ...] = ()
"""Promised, and not built: nothing of it is asked of anybody, and nothing done, until it is."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One promise: its number, what it is about, and the pages on which it is exercised."""

    code: str
    title: str
    promise: str
    controls: tuple[str, ...] = ()  # endpoints, the nearest first; words in `controls`
    kept_by: tuple[str, ...] = ()  # what keeps it: "module", or "module:name"
    still: str = ""  # what of it isn't built yet


_RECIPIENTS, _POLICY, _CHOICES = "policy.show_recipients", "policy.show_privacy", "consent.show"

CLAUSES = (
    Clause(
        "C01",
        N_("What is asked, and why"),
        N_("Every field says why it is asked, and what happens if you leave it empty."),
        ("privacy.collection", "accounts.profile"),
        ("app.web.forms:Asked", "app.privacy.collection"),
    ),
    Clause(
        "C02",
        N_("Nothing is sold or shared"),
        N_("What you tell us goes to nobody but those on the list of recipients."),
        (_RECIPIENTS,),
        ("app.core.egress:Egress", "app.policy.recipients"),
    ),
    Clause(
        "C03",
        N_("Only what a reservation needs"),
        N_(
            "Addresses are asked where something is posted or invoiced, "
            "and card numbers never reach us."
        ),
        ("booking.checkout", "accounts.profile"),
        ("app.core.cards", "app.web.forms:Form", "app.payments.stripe.provider"),
    ),
    Clause(
        "C04",
        N_("Your way in is yours"),
        N_("Nobody sees your password, we neither, and you see and end every device."),
        ("accounts.security",),
        ("app.accounts.passwords", "app.accounts.entering", "app.accounts.securing"),
    ),
    Clause(
        "C05",
        N_("What you agreed to stays readable"),
        N_("We note which version you agreed to, and it is never changed."),
        ("policy.show_terms", _POLICY),
        ("app.policy.documents:record_agreement", "app.policy.models:Agreement"),
    ),
    Clause(
        "C06",
        N_("A policy made from the program"),
        N_("Its periods, cookies and recipients are those that the site runs on."),
        (_POLICY, "privacy.clauses"),
        ("app.policy.facts", "app.policy.checks", "app.privacy.evidence"),
    ),
    Clause(
        "C07",
        N_("Leaving things out"),
        N_("Fields that aren’t needed say so, and you can book without an account."),
        ("booking.search", "booking.checkout"),
        ("app.booking.forms:DetailsForm", "app.booking.details"),
    ),
    Clause(
        "C08",
        N_("What counts as personal"),
        N_("Totals that are no longer about anybody are rounded, and small ones aren’t shown."),
        ("accounts.profile",),
        ("app.core.datamap:Kind", "app.owner.figures_sums"),
    ),
    Clause(
        "C09",
        N_("Nothing is noted without your yes"),
        N_("What you do here is noted only if you agree, and you can read every line."),
        (_CHOICES, "consent_log.log_page"),
        ("app.consent.gate", "app.consent.activity", "app.consent.chain", "app.core.withdrawals"),
    ),
    Clause(
        "C10",
        N_("Your browser’s no is a no"),
        N_("Its signal counts as a refusal, and without cookies you can book all the same."),
        (_CHOICES, "machines.gpc"),
        ("app.consent.signals", "app.consent.deciding"),
    ),
    Clause(
        "C11",
        N_("What lies on your device"),
        N_("Every cookie is listed, and signing out clears the device."),
        ("privacy.storage", _CHOICES),
        ("app.consent.register:REGISTER", "app.consent.gate", "app.privacy.storage"),
    ),
    Clause(
        "C12",
        N_("Everything has its last day"),
        N_("Data go by themselves when purpose and law need them no more, out of backups too."),
        ("privacy.show_retention", "privacy.data"),
        ("app.privacy.retention:RULES", "app.core.sweeps", "app.privacy.purging"),
    ),
    Clause(
        "C13",
        N_("If we close"),
        N_("You are told beforehand, can take your data along, and the rest is erased."),
        ("closing.show",),
        ("app.continuity.closing", "app.policy.announcing", "app.policy.telling"),
    ),
    Clause(
        "C14",
        N_("Sealed and guarded"),
        N_("What you tell us is encrypted under a key of your own."),
        ("policy.security", "accounts.security"),
        ("app.core.vault", "app.web.headers", "app.policy.security"),
    ),
    Clause(
        "C15",
        N_("If something goes wrong"),
        N_("If the risk for you is high, you are told what happened to which of your data."),
        ("incidents.show",),
        ("app.continuity.incidents",),
    ),
    Clause(
        "C16",
        N_("To give you what you booked"),
        N_("Your data serve your reservation: confirming, changing and cancelling it."),
        ("booking.search", "booking.account"),
        ("app.booking.holds", "app.booking.reservations", "app.booking.changing"),
    ),
    Clause(
        "C17",
        N_("To know that it is you"),
        N_("Before anything delicate we ask again, and who looked at your details is noted."),
        ("accounts.readings", "accounts.confirm"),
        (
            "app.accounts.readings",
            "app.core.purposes",
            "app.owner.risk",
            "app.guestbook.messages",
            "app.continuity.backups",
        ),
    ),
    Clause(
        "C18",
        N_("To suit you"),
        N_("Language, region and suggestions follow your choice, and stop with it."),
        ("consent_preferences.preferences", "arrival.arrival", "arrival.wishes"),
        ("app.consent.preferences", "app.booking.suggestions", "app.guestbook.arrival"),
    ),
    Clause(
        "C19",
        N_("A program that is looked after"),
        N_("It is brought up to date without losing anything."),
        ("health.readyz",),
        ("app.continuity.upgrade", "app.owner.system"),
    ),
    Clause(
        "C20",
        N_("Being asked for your opinion"),
        N_("Only those who agreed are asked, after their stay."),
        ("consent_permissions.show",),
        ("app.guestbook.surveys",),
    ),
    Clause(
        "C21",
        N_("Nobody else without your yes"),
        N_("Nothing goes to anybody beyond the reservation itself unless you have agreed."),
        ("consent_permissions.show", _RECIPIENTS),
        (
            "app.consent.permissions_live",
            "app.guestbook.partners_sending",
            "app.core.withdrawals",
        ),
    ),
    Clause(
        "C22",
        N_("Partners see no names"),
        N_("The calendars that partners get say free or taken, and nothing of you."),
        (_RECIPIENTS,),
        ("app.booking.feeds_out", "app.core.calendar_door"),
    ),
    Clause(
        "C23",
        N_("Nothing of you is public"),
        N_("No page that everybody can open names a guest who didn’t agree to that very item."),
        ("reviews.show",),
        ("app.guestbook.reviews", "app.core.withdrawals"),
    ),
    Clause(
        "C24",
        N_("If the house changes hands"),
        N_("You are told, and can take your data along, have them erased, or object."),
        ("controller.show",),
        ("app.continuity.controller",),
    ),
    Clause(
        "C25",
        N_("When the policy changes"),
        N_("Every version has its day, and every older one stays readable."),
        ("policy.show_changes", "policy.show_privacy_version", _POLICY),
        ("app.policy.documents", "app.policy.comparing"),
    ),
    Clause(
        "C26",
        N_("Your data are yours"),
        N_("You see all that is held, take it along, correct it, limit its use, or erase it."),
        ("privacy.data", "privacy.requests"),
        ("app.privacy.held", "app.privacy.exporting", "app.privacy.erasing"),
    ),
)

PURPOSES = {
    Purpose.RESERVATION: "C16",
    Purpose.INVOICE: "C16",
    Purpose.POSTING: "C16",
    Purpose.SIGN_IN: "C17",
    Purpose.SECURITY: "C17",
    Purpose.AGREEMENT: "C05",
    Purpose.ACCOUNT: "C04",
    Purpose.PROOF: "C09",
    Purpose.STATISTICS: "C18",
    Purpose.SUGGESTIONS: "C18",
    Purpose.RIGHTS: "C26",
    Purpose.SERVICE: "C17",
    Purpose.ARRIVAL: "C18",
    Purpose.SURVEY: "C20",
    Purpose.PARTNER: "C21",
    Purpose.PUBLIC: "C23",
    Purpose.NOTICE: "C13",
}
"""By which clause data may be held for a purpose."""
