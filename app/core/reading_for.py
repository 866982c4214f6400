"""For what everything that runs reads: the one table of it (`core.purposes`).

A page is looked up by its endpoint, and else by its blueprint; what isn't named at all reads
nothing. Purposes are those for which the columns say that they are held. Whoever writes a
mail also names what the address is held for: the booking, or the account. Here are names
only; a test goes through all that runs, and finds each of them, and none that isn't there.
"""

from app.core.datamap import Purpose
from app.core.purposes import EVERYTHING, NONE, Declared, Purposes

FIELDS = {"export_chunk.sealed_bytes": (Purpose.RIGHTS,)}
"""Sealed beside the columns: pieces of a download, for the person whose it is."""


def _for(*purposes: Purpose) -> Purposes:
    return frozenset(purposes)


_BOOKING = _for(Purpose.RESERVATION)
_MONEY = _for(Purpose.RESERVATION, Purpose.INVOICE)
_ACCOUNT = _for(Purpose.ACCOUNT)
_SIGNING_IN = _for(Purpose.SIGN_IN, Purpose.ACCOUNT)
_NOTICE = _for(Purpose.NOTICE)
# Who shares a mailbox is told once: their addresses are compared.
_TELLING = _for(Purpose.NOTICE, Purpose.ACCOUNT)
_RIGHTS = _for(Purpose.RIGHTS)
_ASKING = _for(Purpose.RIGHTS, Purpose.RESERVATION, Purpose.ACCOUNT)
# The address to which the end is told, and papers, which are sealed anew without a name.
_ERASING = _ASKING | _for(Purpose.INVOICE)
_SECURITY = _for(Purpose.SECURITY)
_STAY = _for(Purpose.RESERVATION, Purpose.ARRIVAL)
_THREAD = _for(Purpose.RESERVATION, Purpose.SERVICE)
_PARTNER = _for(Purpose.PARTNER, Purpose.RESERVATION)
_REVIEW = _for(Purpose.PUBLIC, Purpose.RESERVATION)

_BLUEPRINTS = {
    "accounts": _SIGNING_IN,
    "accounts_well_known": NONE,
    "arrival": _STAY,
    "assets": NONE,
    "booking": NONE,
    "claims": NONE,
    "closing": NONE,
    "consent": NONE,
    "consent_log": NONE,
    "consent_permissions": NONE,
    "consent_preferences": NONE,
    "controller": NONE,
    "demo_bank": _BOOKING,
    "feeds": NONE,
    "guestbook": _THREAD,
    "health": NONE,
    "incidents": NONE,
    "invoices": _MONEY,
    "machines": NONE,
    "notices": _NOTICE,
    "owner": NONE,
    "partners": _PARTNER,
    "payments": _BOOKING,
    "policy": NONE,
    "privacy": NONE,
    "push": _NOTICE,
    "reviews": NONE,
    "surveys": _for(Purpose.SURVEY),
}

_PAGES = {
    # Booking
    "booking.account": _for(Purpose.RESERVATION, Purpose.ACCOUNT),
    "booking.cancel_reservation": _BOOKING,
    "booking.checkout": _for(Purpose.RESERVATION, Purpose.INVOICE, Purpose.POSTING),
    "booking.hold_again": _BOOKING,
    "booking.hold_basket": _BOOKING,
    # With wishes, the thread and what is asked before they arrive.
    "booking.reservation": _for(Purpose.RESERVATION, Purpose.ARRIVAL, Purpose.SERVICE),
    # One's own account
    "accounts.profile": _for(Purpose.SIGN_IN, Purpose.ACCOUNT, Purpose.INVOICE, Purpose.POSTING),
    # Which device signed in: by it somebody knows whether that was them.
    "accounts.not_me": _for(Purpose.SIGN_IN, Purpose.ACCOUNT, Purpose.SECURITY),
    "accounts.readings": _SECURITY,
    # One's own review
    "reviews.agree": _REVIEW,
    "reviews.forget": _REVIEW,
    "reviews.look": _REVIEW,
    "reviews.withdraw": _REVIEW,
    "reviews.write": _REVIEW,
    # One's own data: whatever is held is shown to whom it is about, and corrected by them.
    "privacy.data": EVERYTHING,
    "privacy.details": EVERYTHING,
    "privacy.ask_code": _ASKING,
    "privacy.download": _ASKING,
    "privacy.erase": _ASKING,
    "privacy.erasure": _RIGHTS,
    "privacy.fetch": _ASKING,
    "privacy.guest": _ASKING,
    "privacy.limits": _ASKING,
    "privacy.order_download": _ASKING,
    "privacy.order_erasure": _ASKING,
    "privacy.payer": _ASKING,
    "privacy.payer_ask_code": _ASKING,
    "privacy.payer_type_code": _ASKING,
    "privacy.requests": _ASKING,
    "privacy.type_code": _ASKING,
    # The house: what is booked
    "owner.answer": _for(Purpose.RESERVATION, Purpose.SERVICE, Purpose.ARRIVAL),
    "owner.board": _BOOKING,
    "owner.board_change": _BOOKING,
    "owner.board_line": _STAY,
    "owner.board_note": _BOOKING,
    "owner.board_session": _BOOKING,
    "owner.cancel_by_house": _BOOKING,
    "owner.decide_risk": _BOOKING,
    "owner.find": _BOOKING,
    "owner.make_by_phone": _BOOKING,
    "owner.manifest": _STAY,
    "owner.messages": _THREAD,
    "owner.renew_link": _BOOKING,
    "owner.reservation": _for(Purpose.RESERVATION, Purpose.SERVICE, Purpose.ARRIVAL),
    "owner.reservations": _BOOKING,
    "owner.today": _STAY,
    # The house: calendars that don't agree with what is booked
    "owner.another_booking": _BOOKING,
    "owner.move_for_feed": _BOOKING,
    # The house: guests, each reading of whom is noted for them, with the reason for it
    "owner.export_guests": _MONEY | _SECURITY,
    "owner.find_guest": _BOOKING,
    "owner.guest": _for(Purpose.RESERVATION, Purpose.SERVICE, Purpose.ARRIVAL),
    "owner.reveal": _MONEY | _SECURITY | _for(Purpose.POSTING),
    # The house: money
    "owner.ask_for_money": _BOOKING,
    "owner.failed_refund": _BOOKING,
    "owner.invoice": _MONEY,
    "owner.invoice_pdf": _MONEY,
    "owner.payments": _BOOKING,
    "owner.refund": _BOOKING,
    "owner.look_at_all": _BOOKING,
    "owner.look_at_one": _BOOKING,
    "owner.withdraw_link": _BOOKING,
    # The house: what people ask about their own data
    "owner.answer_request": _ASKING,
    "owner.enter_request": _ASKING,
    "owner.extend_request": _ASKING,
    "owner.request": _ASKING,
    "owner.requests": _ASKING,
    # The house: what guests say
    "owner.answer_review": _REVIEW,
    "owner.decline_review": _REVIEW,
    "owner.partner_sheet": _PARTNER,
    "owner.publish_review": _REVIEW,
    "owner.read_survey": _for(Purpose.SURVEY),
    "owner.reviews": _REVIEW,
    "owner.surveys": _for(Purpose.SURVEY),
    # The house: what everybody must be told
    "owner.closing_rehearsal_page": _TELLING,
    "owner.announce_controller": _TELLING,
    "owner.controller": _TELLING,
    "owner.hand_over_controller": _TELLING,
    "owner.plan_controller": _TELLING,
    "owner.stop_controller": _TELLING,
    "owner.add_to_incident": _TELLING,
    "owner.close_incident": _TELLING,
    "owner.decide_incident": _TELLING,
    "owner.incident": _TELLING,
    "owner.incident_letter": _TELLING,
    "owner.incident_people": _TELLING,
    "owner.incident_report": _TELLING,
    "owner.leave_out_of_incident": _TELLING,
    "owner.look_again_incident": _TELLING,
    "owner.publish_incident": _TELLING,
    "owner.report_incident": _TELLING,
    "owner.send_incident": _TELLING,
    "owner.take_into_incident": _TELLING,
    "owner.told_of_incident": _TELLING,
    "owner.withdraw_incident": _TELLING,
    "owner.write_incident": _TELLING,
    "owner.new_incident": _SIGNING_IN,
    "owner.record_incident": _SIGNING_IN,
    "owner.publish_draft": _TELLING,
    # The house: who works here
    "owner.change_role": _ACCOUNT,
    "owner.end_person": _ACCOUNT,
    "owner.invite": _ACCOUNT,
    "owner.invite_again": _ACCOUNT,
    "owner.people": _ACCOUNT,
    "owner.readmit": _ACCOUNT,
    "owner.withdraw": _ACCOUNT,
    "owner.trail": _ACCOUNT,
}

_TOPICS = {
    "account-mail": _for(Purpose.ACCOUNT, Purpose.SIGN_IN, Purpose.SECURITY),
    "account-way-in": _SIGNING_IN,
    "arrival-mail": _STAY,
    "continuity.controller": EVERYTHING,
    "demo_bank.deliver": _BOOKING,
    "demo_bank.settle": _BOOKING,
    "house-mail": NONE,
    "mail": _BOOKING,
    "notice.gather": _TELLING,
    "notice.send": _TELLING,
    "partner-mail": _PARTNER,
    "payments.close": _BOOKING,
    "payments.dispute": _BOOKING,
    "payments.forget": _BOOKING,
    "payments.papers": _MONEY,
    "payments.reconcile": _BOOKING,
    "payments.refund": _BOOKING,
    "privacy.code": _ASKING,
    "privacy.erase": _ERASING,
    "privacy.erasure-mail": _ASKING,
    "privacy.export": EVERYTHING,
    "privacy.export-mail": _ASKING,
    "privacy.inactive-mail": _ACCOUNT,
    "privacy.request-house": NONE,
    "privacy.request-mail": _ASKING,
    "survey-mail": _for(Purpose.SURVEY, Purpose.RESERVATION),
    "withdrawals": NONE,
}

_RECURRING = {
    "booking.feeds_in.import_due": NONE,
    "booking.tidying.tidy": NONE,
    "consent.tidying.publish_head": NONE,
    "continuity.closing_stages.run_due": _BOOKING,
    "continuity.controller_stages.run_due": EVERYTHING,
    "continuity.daily.back_up_nightly": NONE,
    "core.heartbeat.beat": NONE,
    "core.sweeps.sweep_every_minute": NONE,
    "guestbook.partners_sending.pass_on": NONE,
    "guestbook.reminders.remind": _BOOKING,
    "guestbook.surveys_mail.ask_after_stays": _for(Purpose.SURVEY),
    "payments.balances.remind": _BOOKING,
    "payments.charging.charge_due": _BOOKING,
    "payments.compared.daily": _BOOKING,
    "payments.reconcile.periodic": _BOOKING,
    "payments.saved.try_again": _BOOKING,
    "privacy.erasing.run_due": NONE,
    "privacy.purging.purge_daily": NONE,
    "privacy.requests.remind": NONE,
}

# What goes is deleted without being looked at. An erasure that begins there is its own topic.
_SWEEPS: dict[str, Purposes] = {}

_COMMANDS: dict[str, Purposes] = {
    "backup create": NONE,
    "backup restore": NONE,
    "closing dry-run": _TELLING,
    "closing plan": NONE,
    "closing status": NONE,
    "consent heads": NONE,
    "consent verify": NONE,
    "demo load": _BOOKING,
    "feeds import": NONE,
    "handover key": NONE,
    "handover open": NONE,
    "incident rehearse": _TELLING,
    "owner create": _SIGNING_IN,
    "owner link": NONE,
    "payments reconcile": _BOOKING,
    "prepare": _BOOKING,
    "privacy drill": _ASKING,
    "privacy evidence": NONE,
    "privacy purge": NONE,
    "privacy replay": NONE,
    "prove": NONE,
    "replay": _BOOKING,
    "system rollback": NONE,
    "system trail verify": NONE,
    "system upgrade": NONE,
    "work": NONE,
}

DECLARED = Declared(
    blueprints=_BLUEPRINTS,
    pages=_PAGES,
    topics=_TOPICS,
    recurring=_RECURRING,
    sweeps=_SWEEPS,
    commands=_COMMANDS,
)
