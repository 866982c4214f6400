"""The catalogue finds each offer, and a text of the owner's is never left out."""

from dataclasses import replace

import pytest

from app.booking.catalogue import text
from app.core.languages import use_language
from tests.booking.house import CLEANING, HOUSE, KAYAK, PARCEL, REED


def test_offers_are_found_by_their_address_and_kind():
    assert HOUSE.stay("reed-room") is REED
    assert HOUSE.session("reed-room") is None
    assert HOUSE.session("kayak") is KAYAK
    assert HOUSE.stays_by_id[1] is REED
    assert HOUSE.extras_by_code["parcel"] is PARCEL
    assert HOUSE.charges_by_code["cleaning"] is CLEANING


def test_one_address_cannot_lead_to_two_offers():
    with pytest.raises(ValueError, match="twice"):
        replace(HOUSE, sessions=(replace(KAYAK, slug="reed-room"),))


def test_a_text_that_is_not_translated_is_shown_in_english_and_never_left_out():
    texts = {"fr": {"story": "Une histoire"}, "en": {"name": "Reed Room"}, "de": {"name": ""}}

    with use_language("de"):
        assert text(texts, "name") == "Reed Room"
        assert text(texts, "story") == "Une histoire"
        assert text(texts, "alt") == ""
