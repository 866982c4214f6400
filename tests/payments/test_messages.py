"""What a guest is written about money: in their language, with their reference, and true."""

import pytest

from app.booking.mails import compose
from app.core.database import db
from tests.payments import till

TEMPLATES = ("payment_processing", "payment_failed", "payment_late_refunded", "refund_failed")


@pytest.mark.parametrize("language", ["en", "zh", "de", "fr"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_message_can_be_written_in_every_language(place, clock, template, language):
    reservation = till.book(now=clock(), language=language)

    message = compose(template, reservation, job=1, now=clock())

    text = message.get_content()
    assert reservation.reference in message["Subject"]
    assert reservation.reference in text
    assert till.NAME in text
    assert "%(" not in text
    assert "{{" not in text


@pytest.mark.parametrize(
    ("status", "because"),
    [
        ("confirmed", "a second payment"),
        ("cancelled", "after it had been cancelled"),
        ("released", "somebody else had booked"),
    ],
)
def test_who_gets_money_back_is_told_the_true_reason(place, clock, status, because):
    reservation = till.book(now=clock())
    reservation.status = status
    db.session.commit()

    text = compose("payment_late_refunded", reservation, job=1, now=clock()).get_content()

    assert because in " ".join(text.split())
