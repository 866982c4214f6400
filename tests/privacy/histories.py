"""Histories of a place, written straight into its book: bookings, accounts, wishes, traces."""

from datetime import timedelta
from itertools import count

import sqlalchemy as sa

from app.accounts.models import (
    GUEST,
    Account,
    Claim,
    Disclosure,
    MailLink,
    Person,
    Reading,
    Restriction,
    SessionRow,
)
from app.booking.models import (
    CANCELLED,
    CONFIRMED,
    RELEASED,
    OfferRow,
    Reservation,
    ReservationLine,
)
from app.consent.models import ActivityLine, Grant, PersonPermission
from app.continuity import controller_models, incidents_models
from app.continuity.controller_models import (
    ControllerChange,
    ControllerObjection,
    ControllerRecord,
)
from app.continuity.incidents_models import Incident, IncidentPerson
from app.core.database import db
from app.core.vault import vault
from app.guestbook.models import Message, StayWish, Survey
from app.guestbook.partners_models import PAPER, Partner, PartnerTerms, PartnerTransfer
from app.guestbook.reviews_models import SHOWN, PublicReview, Review
from app.payments.models import CAPTURE, GUESTS, PROVIDER, Invoice, LedgerEntry, Payment
from app.policy import notice_models
from app.policy.models import PRIVACY, DocumentVersion, VersionNotice
from app.policy.notice_models import Matter, PushSubscription, Told
from app.privacy.models import READY, DataKey, Export, ExportChunk, PrivacyRequest

_numbers = count(1)


def person(now):
    """Make somebody with a name."""
    made = Person(id=vault().new_person(), created_at=now)
    db.session.add(made)
    made.name, made.email = "Canary Wintergreen", "canary@example.org"
    db.session.flush()
    return made


def reservation(whose, status, *, now, ahead=20, nights=3):
    """Write a reservation of a stay that begins so many days ahead."""
    number, start = next(_numbers), now + timedelta(days=ahead)
    made = Reservation(
        reference=f"R{number:07d}",
        person_id=whose.id if whose else None,
        status=status,
        language="en",
        currency="EUR",
        total_minor=30_000,
        paid_minor=0,
        quote_digest="0" * 64,
        cancellation="{}",
        first_start=start,
        created_at=now,
        held_since=now,
        held_until=now + timedelta(minutes=35),
        released_at=now + timedelta(minutes=35) if status == RELEASED else None,
    )
    made.lines = [
        ReservationLine(
            position=0,
            kind="stay",
            label={"en": "A room"},
            arrive=start.date(),
            depart=start.date() + timedelta(days=nights),
            adults=2,
            quantity=nights,
            unit_minor=10_000,
            total_minor=30_000,
            nightly=[],
        )
    ]
    db.session.add(made)
    db.session.flush()
    return made


def attempt(of, *, now, paid):
    """Write an attempt to pay: one that came to nothing, or one with money in the ledger."""
    number = next(_numbers)
    made = Payment(
        id=f"payment-{number}",
        reservation_id=of.id,
        person_id=of.person_id,
        provider="demo",
        state="paid" if paid else "expired",
        amount_minor=30_000,
        currency="EUR",
        captured_minor=30_000 if paid else 0,
        provider_ref=f"provider-{number}",
        expires_at=now,
        created_at=now,
        changed_at=now,
        paid_at=now if paid else None,
    )
    db.session.add(made)
    db.session.flush()
    if paid:
        made.method_hint = "Visa ···· 4242"
        db.session.add(
            LedgerEntry(
                source=f"capture:{made.id}:{made.provider_ref}:30000",
                payment_id=made.id,
                kind=CAPTURE,
                debit=PROVIDER,
                credit=GUESTS,
                amount_minor=30_000,
                currency="EUR",
                at=now,
            )
        )
    db.session.flush()
    return made


def invoice(of, *, now):
    """Write the invoice of a reservation."""
    number = next(_numbers)
    made = Invoice(
        series=str(now.year),
        number=number,
        kind="invoice",
        reservation_id=of.id,
        person_id=of.person_id,
        cause=f"reservation:{of.id}",
        language="en",
        currency="EUR",
        total_minor=30_000,
        issued_at=now,
    )
    made.body = '{"buyer": {"name": "Canary Wintergreen"}}'
    db.session.add(made)
    db.session.flush()
    return made


def unpaid(now, ahead):
    """Somebody held a place, and never paid."""
    attempt(reservation(person(now), RELEASED, now=now, ahead=ahead), now=now, paid=False)


def nameless(now, ahead):
    """Somebody held a place and went before they said who they are."""
    reservation(None, RELEASED, now=now, ahead=ahead)


def booking(now, ahead, status=CONFIRMED):
    """Somebody booked, paid, and got an invoice."""
    made = reservation(person(now), status, now=now, ahead=ahead)
    attempt(made, now=now, paid=True)
    invoice(made, now=now)
    return made


def cancelled(now, ahead):
    """Somebody booked, and cancelled."""
    booking(now, ahead, CANCELLED).cancelled_at = now


def late(now, ahead):
    """Somebody's money came after their hold had run out."""
    attempt(reservation(person(now), RELEASED, now=now, ahead=ahead), now=now, paid=True)


def account(now, ahead):
    """Somebody opened an account, claims the newest booking, and is signed in."""
    made = Account(person=person(now), role=GUEST, created_at=now, verified_at=now, language="en")
    db.session.add(made)
    made.person_id = made.person.id
    made.used_on = now.date()
    db.session.flush()
    newest = _newest_free_person()
    if newest is not None:
        db.session.add(Claim(person_id=newest, account_id=made.id, claimed_at=now))
    number = next(_numbers)
    db.session.add(
        SessionRow(
            id_digest=number.to_bytes(32),
            account_id=made.id,
            csrf_token="x",
            created_at=now,
            seen_at=now,
            device="firefox,linux",
        )
    )
    link = MailLink(
        account=made,
        person_id=made.person_id,
        purpose="told",
        news="signed_in",
        created_at=now,
        expires_at=now + timedelta(days=14),
    )
    link.to = "canary@example.org"
    db.session.add(link)
    db.session.flush()
    return made


def _newest_free_person():
    taken = sa.union(sa.select(Claim.person_id), sa.select(Account.person_id))
    return db.session.scalar(
        sa.select(Reservation.person_id)
        .where(Reservation.person_id.is_not(None), Reservation.person_id.not_in(taken))
        .order_by(Reservation.id.desc())
        .limit(1)
    )


def _somebody():
    return db.session.scalar(sa.select(Person.id).order_by(Person.created_at.desc()).limit(1))


def wishes(now, ahead):
    """The newest person asked for their data, said no to something, and took it back."""
    whose = _somebody()
    if whose is None:
        return
    later = now + timedelta(days=ahead)
    asked = PrivacyRequest(
        person_id=whose, kind="access", law="gdpr", made_at=now, due_on=now.date()
    )
    asked.answered_at, asked.granted = later, True
    asked.words = "What do you hold on me?"
    number = next(_numbers)
    export = Export(
        person_id=whose,
        person_ids=[whose],
        language="en",
        state=READY,
        asked_at=now,
        ready_at=now,
        expires_at=now + timedelta(hours=72),
    )
    db.session.add_all([asked, export])
    db.session.flush()
    db.session.add(ExportChunk(export_id=export.id, position=0, sealed_bytes=b"x"))
    db.session.add(
        Restriction(
            person_id=whose, kind="restrict", purpose="statistics", since=now, ended_at=later
        )
    )
    first = db.session.scalar(sa.select(Reservation.id).where(Reservation.person_id == whose))
    if first is not None:
        db.session.add(
            DataKey(
                person_id=whose,
                reservation_id=first,
                key_digest=number.to_bytes(32),
                made_at=now,
                expires_at=now + timedelta(minutes=30),
            )
        )


def traces(now, ahead):
    """The newest person was looked at, was written to, and was noted under a yes of theirs."""
    whose = _somebody()
    if whose is None:
        return
    number = next(_numbers)
    db.session.add(
        Reading(
            person_id=whose,
            reader_id=number,
            role="staff",
            what="reservation",
            day=now.date(),
            times=1,
            at=now,
        )
    )
    db.session.add(
        Disclosure(
            person_id=whose,
            recipient=f"relay-{number}",
            what="mail_booking",
            times=1,
            first_at=now,
            last_at=now,
        )
    )
    grant = Grant(
        receipt_id=f"receipt-{number}",
        category="statistics",
        token_digest=number.to_bytes(32),
        person_id=whose,
        granted_at=now,
        expires_at=now + timedelta(days=180),
    )
    db.session.add(grant)
    db.session.flush()
    db.session.add(
        ActivityLine(
            grant_id=grant.id,
            at=now,
            kind="page",
            what="/",
            referring_host="",
            device="phone",
            browser="Firefox",
            system="Android",
        )
    )


def words(now, ahead):
    """Somebody booked, wrote, wished, allowed a survey, took that back, and had answered one."""
    whose = _newest_booking() or booking(now, ahead)
    number, later = next(_numbers), now + timedelta(days=ahead)
    same = {"reservation_id": whose.id, "person_id": whose.person_id}
    message, wish = Message(author="guest", sent_at=now, **same), StayWish(changed_at=now, **same)
    survey = Survey(
        sent_at=later, answered_at=later, overall=5, key_digest=number.to_bytes(32), **same
    )
    allowed = PersonPermission(
        person_id=whose.person_id, purpose="survey", given_at=now, ended_at=later, how="account"
    )
    db.session.add_all([message, wish, survey, allowed])
    message.body, wish.diet, survey.words = "A cot, please.", "no nuts", "Lovely."
    db.session.flush()


def _newest_booking():
    taken = sa.union(sa.select(Survey.reservation_id), sa.select(StayWish.reservation_id))
    return db.session.scalar(
        sa.select(Reservation)
        .where(Reservation.person_id.is_not(None), Reservation.id.not_in(taken))
        .order_by(Reservation.id.desc())
        .limit(1)
    )


def notices(now, ahead):
    """The newest person was told something, by mail and on a device, and shown a new version."""
    whose = _somebody()
    if whose is None:
        return
    number = next(_numbers)
    matter = Matter(
        code=f"matter-{number}", kind="incident", facts={}, endpoint_values={}, made_at=now
    )
    version = DocumentVersion(
        document=PRIVACY,
        number=1000 + number,
        language="en",
        text="Words.",
        digest="0" * 64,
        published_at=now,
        effective_at=now + timedelta(days=30),
        summary="News.",
    )
    db.session.add_all([matter, version])
    db.session.flush()
    db.session.add_all(
        Told(
            matter_id=matter.id,
            person_id=whose,
            how=how,
            state=notice_models.TOLD,
            not_before=now,
            tries=1,
            at=now,
        )
        for how in (notice_models.MAIL, notice_models.PUSH)
    )
    device = PushSubscription(
        person_id=whose, digest=number.to_bytes(32), made_at=now, language="en"
    )
    db.session.add(device)
    device.endpoint, device.keys, device.device = "https://push.example/1", "{}", "firefox,linux"
    db.session.add(
        VersionNotice(
            person_id=whose,
            document=PRIVACY,
            number=version.number,
            language="en",
            key_digest=number.to_bytes(32),
            shown_at=now,
            noticed_at=now,
            noticed_how="button",
        )
    )
    db.session.flush()


def rare_days(now, ahead):
    """The newest person was concerned by an incident, and said no to a change; both are over."""
    whose = _somebody()
    if whose is None:
        return
    later, today = now + timedelta(days=ahead), now.toordinal()
    incident = Incident(
        state=incidents_models.CLOSED,
        kind=incidents_models.MAILBOX,
        noticed_at=now,
        began_at=now,
        ended_at=now,
        recorded_at=now,
        listed_at=now,
        scope={},
        listed=1,
        risk=incidents_models.RISK,
        remedy="Mended.",
        closed_at=later,
    )
    change = ControllerChange(
        state=controller_models.DONE,
        live=sa.null(),  # None would be the default, 1
        way=controller_models.DATA,
        name="Haus Kiebitz",
        address=["Am Deich 2"],
        email="new@example.org",
        country="DE",
        abroad=False,
        texts={},
        public_key="-",
        changes_day=today,
        announced_day=today - controller_models.WINDOW_DAYS,
        begun_day=today,
        made_at=now,
        announced_at=now - timedelta(days=controller_models.WINDOW_DAYS),
        begun_at=now,
        done_at=later,
    )
    db.session.add_all([incident, change])
    db.session.flush()
    concerned = IncidentPerson(
        incident_id=incident.id, person_id=whose, kinds=["name"], sealed_kinds=[], noted_at=now
    )
    no = ControllerObjection(change_id=change.id, person_id=whose, objected_at=now)
    record = ControllerRecord(
        change_id=change.id, person_id=whose, sealed_bytes=b"x", digest="0" * 64, made_at=now
    )
    db.session.add_all([concerned, no, record])
    concerned.reason = "They called us."
    db.session.flush()


def shared(now, ahead):
    """Somebody booked, wrote a review that is shown, and let a partner have their name."""
    whose = _newest_without_review() or booking(now, ahead)
    number, (line,) = next(_numbers), whose.lines
    offer_id = db.session.scalar(sa.select(OfferRow.id).limit(1))
    review = Review(
        key=f"review-{number}",
        line_id=line.id,
        reservation_id=whose.id,
        offer_id=offer_id,
        person_id=whose.person_id,
        language="en",
        state=SHOWN,
        written_at=now,
        agreed_at=now,
        decided_at=now,
        with_month=False,
        recipient=f"review:{number}",
    )
    db.session.add(review)
    review.text, review.named, review.agreed = "Lovely.", "first", "{}"
    db.session.flush()
    terms = _terms(now)
    code = f"partner:{terms.id}"
    yes = {"person_id": whose.person_id, "given_at": now, "how": "account"}
    db.session.add_all(
        [
            PublicReview(
                review_id=review.id,
                person_id=whose.person_id,
                offer_id=offer_id,
                recipient=review.recipient,
                published_at=now,
                item="{}",
            ),
            PersonPermission(purpose="public", recipient=review.recipient, **yes),
            PersonPermission(purpose="partner", recipient=code, **yes),
            PartnerTransfer(
                terms_id=terms.id,
                reservation_id=whose.id,
                person_id=whose.person_id,
                recipient=code,
                kinds=["name"],
                way=PAPER,
                sent_at=now,
            ),
        ]
    )
    db.session.flush()


def _terms(now):
    partner = Partner(made_at=now)
    db.session.add(partner)
    db.session.flush()
    made = PartnerTerms(
        partner_id=partner.id,
        name="Kayak Club",
        contact="Ring 1",
        email="kayak@example.org",
        country="DE",
        language="en",
        texts={},
        kinds=["name"],
        way=PAPER,
        days_before=1,
        keeps_days=1,
        since=now,
    )
    db.session.add(made)
    db.session.flush()
    return made


def _newest_without_review():
    return db.session.scalar(
        sa.select(Reservation)
        .where(
            Reservation.person_id.is_not(None),
            Reservation.id.not_in(sa.select(Review.reservation_id)),
        )
        .order_by(Reservation.id.desc())
        .limit(1)
    )


EVENTS = (
    *(unpaid, nameless, booking, cancelled, late, account, wishes, traces, words),
    *(notices, rare_days, shared),
)
