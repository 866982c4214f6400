"""A line to the demo bank at which guests' banks dispute what they paid."""

from dataclasses import replace

import sqlalchemy as sa

from app.core.database import db
from app.core.money import Money
from app.payments.models import Dispute
from app.payments.provider import DisputeView
from tests.payments.till import Line

TAKEN = ("open", "lost")  # while it is so, the money is with the guest's bank


def disputed(ref, minor, state, *, refundable=False, reason="fraudulent", due=None):
    """Return a dispute as a provider tells of it."""
    return DisputeView(
        ref=ref,
        money=Money(minor, "EUR"),
        withdrawn=Money(minor if state in TAKEN else 0, "EUR"),
        state=state,
        refundable=refundable,
        reason=reason,
        due=due,
    )


class Questioned(Line):
    """The line, and what the guests' banks say of the payments behind it."""

    def __init__(self, settings):
        super().__init__(settings)
        self.disputes = {}  # payment's reference: {dispute's reference: view}

    def dispute(self, payment, state, *, minor=None, ref="dp_1", **more):
        """Let a dispute of a payment stand so from now on."""
        view = disputed(ref, minor or payment.amount_minor, state, **more)
        self.disputes.setdefault(payment.provider_ref, {})[ref] = view
        return view

    def withdrawn(self, ref):
        """Return how much guests' banks have taken back of a payment."""
        return sum(view.withdrawn.minor for view in self.disputes.get(ref, {}).values())

    def fetch(self, ref):
        """Fetch, with the disputes."""
        return self._with_disputes(super().fetch(ref))

    def close(self, ref, key):
        """Close, and look, with the disputes."""
        return self._with_disputes(super().close(ref, key))

    def _with_disputes(self, snapshot):
        found = tuple(self.disputes.get(snapshot.ref, {}).values())
        return replace(snapshot, disputes=found)


def disputes_of(payment):
    """Return the disputes of a payment, oldest first."""
    query = sa.select(Dispute).where(Dispute.payment_id == payment.id).order_by(Dispute.id)
    return list(db.session.scalars(query))
