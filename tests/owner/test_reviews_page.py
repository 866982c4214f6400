"""The house lets reviews out as they were agreed to, or says why not; it never changes one."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import OWNER, READER, STAFF
from app.accounts.readings import REVIEW
from app.accounts.restrictions import RESTRICT, restrict
from app.booking.models import ReservationLine
from app.booking.shop import shop
from app.consent import permissions
from app.consent.models import PersonPermission
from app.core.audit import AuditEntry
from app.core.database import db
from app.core.datamap import Purpose
from app.core.vault import vault
from app.guestbook import reviews
from app.guestbook.reviews_models import PublicReview, Review
from tests.guestbook.partnering import booked
from tests.owner.guests import details
from tests.owner.house import buttons, read_of, words

ROOMS = ("reed-room", "boathouse", "lagoon-suite")


@pytest.fixture
def wrote(place, clock):
    """Have a guest stay, write and agree: `wrote("Greta")` returns the review and its person."""
    made = []

    def write(name="Greta", text="The heron came to breakfast.", *, agree=True):
        arrive = clock().date() + timedelta(days=1)
        who = details(f"{name} Kanarienvogel", f"{name.lower()}@kanarie.example")
        room = ROOMS[len(made) % len(ROOMS)]
        reservation_id, person_id = booked(
            place, clock, who, room=room, days=(arrive, arrive + timedelta(days=2))
        )
        clock.move(timedelta(days=4))
        with place.app_context():
            venue = shop().venue
            line = db.session.scalar(
                sa.select(ReservationLine).filter_by(reservation_id=reservation_id, kind="stay")
            )
            said = reviews.Written(text, reviews.FIRST, with_month=True, country="FR", rating=4)
            review = reviews.write(line, said, language="en", venue=venue, now=clock())
            if agree:
                seen = reviews.item_of(review, venue).recipient
                how = permissions.RESERVATION
                reviews.agree(review, seen, venue=venue, how=how, now=clock())
            db.session.commit()
            made.append(review.id)
            return review.id, person_id

    return write


def state_of(app, review_id):
    with app.app_context():
        review = db.session.get(Review, review_id)
        return review.state, review.because


def trail(app):
    with app.app_context():
        query = sa.select(AuditEntry).where(AuditEntry.verb.like("review.%"))
        return [(one.verb, one.subject, one.detail) for one in db.session.scalars(query)]


# -- Publish, decline, answer -------------------------------------------------------------------


@pytest.mark.clause("C23")
@pytest.mark.both_databases
def test_a_review_is_shown_answered_and_taken_away_with_a_reason(place, clock, wrote, enters):
    review_id, person_id = wrote()
    staff = enters(STAFF)
    waiting = staff.get("/owner/reviews")
    published = staff.post(f"/owner/reviews/{review_id}/publish")
    said = staff.get(published.location)
    answered = staff.post(f"/owner/reviews/{review_id}/answer", words="Come again.")
    shown = staff.get(answered.location)
    everybody = words(place.test_client().get("/reviews"))
    emptied = staff.post(f"/owner/reviews/{review_id}/answer", words="")
    silent = words(place.test_client().get("/reviews"))
    declined = staff.post(f"/owner/reviews/{review_id}/decline", because="law")
    listed = staff.get("/owner/reviews?state=declined")

    assert "The heron came to breakfast." in words(waiting)
    assert "Kanarienvogel" not in waiting.text
    assert {f"/owner/reviews/{review_id}/{act}" for act in ("publish", "decline")} <= buttons(
        waiting
    )
    assert [one.status_code for one in (published, answered, emptied, declined)] == [303] * 4
    assert "Everybody can read it now" in words(said)
    assert "Shown: 1. Waiting: 0. Declined: 0." in words(said)
    assert "Change your answer" in words(shown)
    assert "Our answer: Come again." in everybody
    assert "Our answer" not in silent
    assert "The heron came" in silent
    assert "Declined: The law doesn’t let us show it." in words(listed)
    assert state_of(place, review_id) == ("declined", "law")
    assert "The heron came" not in words(place.test_client().get("/reviews"))
    assert trail(place) == [
        ("review.published", review_id, {}),
        ("review.answered", review_id, {}),
        ("review.answered", review_id, {}),
        ("review.declined", review_id, {"why": "law"}),
    ]
    assert ("staff", REVIEW) in {one[:2] for one in read_of(place, person_id)}


@pytest.mark.clause("C23")
def test_what_was_declined_can_be_shown_after_all(place, clock, wrote, enters):
    review_id, _ = wrote()
    staff = enters(STAFF)
    staff.post(f"/owner/reviews/{review_id}/decline", because="others")
    shown = staff.post(f"/owner/reviews/{review_id}/publish")

    assert shown.status_code == 303
    assert state_of(place, review_id) == ("shown", None)
    assert "The heron came" in words(place.test_client().get("/reviews"))


@pytest.mark.clause("C23")
def test_no_review_is_declined_without_a_reason_of_the_list(place, clock, wrote, enters):
    review_id, _ = wrote()
    staff = enters(STAFF)
    without = staff.post(f"/owner/reviews/{review_id}/decline")
    other = staff.post(f"/owner/reviews/{review_id}/decline", because="praise")

    assert (without.status_code, other.status_code) == (422, 422)
    assert "Please say why; its guest is told." in words(without)
    assert state_of(place, review_id) == ("waiting", None)
    assert trail(place) == []


def test_an_answer_that_is_too_long_is_refused(place, clock, wrote, enters):
    review_id, _ = wrote()
    staff = enters(STAFF)
    staff.post(f"/owner/reviews/{review_id}/publish")
    refused = staff.post(f"/owner/reviews/{review_id}/answer", words="a" * 2001)

    assert refused.status_code == 422
    with place.app_context():
        assert db.session.scalar(sa.select(PublicReview.answer)) is None


# -- Between looking and pressing ---------------------------------------------------------------


@pytest.mark.clause("C23")
@pytest.mark.both_databases
@pytest.mark.parametrize("how", ["taken back", "ended", "decided", "erased", "restricted"])
def test_what_changed_since_the_page_was_opened_is_not_shown(place, clock, wrote, enters, how):
    review_id, person_id = wrote()
    staff = enters(STAFF)
    with place.app_context():
        if how == "taken back":
            review = db.session.get(Review, review_id)
            reviews.withdraw(review, how=permissions.RESERVATION, now=clock())
        elif how == "ended":
            db.session.execute(sa.update(PersonPermission).values(ended_at=clock()))
        elif how == "erased":
            vault().destroy([person_id])
        elif how == "restricted":
            restrict([person_id], Purpose.RESERVATION, RESTRICT, now=clock())
        db.session.commit()
    if how == "decided":
        staff.post(f"/owner/reviews/{review_id}/publish")
    before = trail(place)
    pressed = staff.post(f"/owner/reviews/{review_id}/publish")

    assert pressed.status_code == 409
    assert trail(place) == before
    assert ("The heron came" in place.test_client().get("/reviews").text) is (how == "decided")


@pytest.mark.clause("C23")
def test_what_is_not_shown_is_not_answered_and_what_is_not_there_not_found(
    place, clock, wrote, enters
):
    review_id, _ = wrote()
    draft_id, _ = wrote("Bob", "Only mine.", agree=False)
    staff = enters(STAFF)

    assert staff.post(f"/owner/reviews/{review_id}/answer", words="Thanks").status_code == 409
    for act in ("publish", "decline"):
        assert staff.post(f"/owner/reviews/{draft_id}/{act}", because="law").status_code == 409
    assert staff.post("/owner/reviews/9999/publish").status_code == 404
    for state in ("waiting", "shown", "declined"):
        assert "Only mine." not in staff.get(f"/owner/reviews?state={state}").text
    for path in ("?state=draft", "?state=withdrawn", "?page=0", "?page=-1", "?page=two"):
        assert staff.get(f"/owner/reviews{path}").status_code == 404


# -- Who may ------------------------------------------------------------------------------------


@pytest.mark.clause("C23")
def test_only_staff_and_owners_open_and_decide(place, clock, wrote, enters):
    review_id, person_id = wrote()
    reader, guest = enters(READER), enters("guest")
    acts = [f"/owner/reviews/{review_id}/{act}" for act in ("publish", "decline", "answer")]

    for somebody, refused in ((reader, 403), (guest, 404)):
        assert somebody.get("/owner/reviews").status_code == refused
        for path in acts:
            assert somebody.post(path, because="law", words="Thanks").status_code == refused
    stranger = place.test_client()
    assert "The heron" not in stranger.get("/owner/reviews", follow_redirects=True).text
    assert state_of(place, review_id) == ("waiting", None)
    assert read_of(place, person_id) == []
    assert enters(OWNER).post(acts[0]).status_code == 303


@pytest.mark.clause("C10")
def test_whoever_asked_to_be_left_alone_is_counted_and_not_opened(place, clock, wrote, enters):
    _, person_id = wrote()
    with place.app_context():
        restrict([person_id], Purpose.RESERVATION, RESTRICT, now=clock())
        db.session.commit()
    page = enters(STAFF).get("/owner/reviews")

    assert "The heron" not in page.text
    assert "1 more can’t be opened" in words(page)
    assert read_of(place, person_id) == []


# -- Many ---------------------------------------------------------------------------------------


def test_the_page_asks_the_same_however_many_wait(place, clock, wrote, enters, count_queries):
    wrote("Greta")
    counts = []
    for name in ("Alice", "Bob", "Carol", "Dora"):
        wrote(name, f"{name} was here.")
        staff = enters(STAFF, f"{name.lower()}@house.example")  # days have gone by
        staff.get("/owner/reviews")
        with count_queries() as seen:
            page = staff.get("/owner/reviews")
        assert f"{name} was here." in page.text
        counts.append(len(seen))

    assert len(set(counts)) == 1
    assert counts[0] <= 20


def test_pages_follow_each_other_in_the_order_in_which_they_came(
    place, clock, wrote, enters, monkeypatch
):
    monkeypatch.setattr("app.guestbook.reviews_house.PAGE_SIZE", 2)
    for name in ("Alice", "Bob", "Carol"):
        wrote(name, f"{name} was here.")
    staff = enters(STAFF)
    first, second = staff.get("/owner/reviews"), staff.get("/owner/reviews?page=2")

    assert first.text.index("Alice was here") < first.text.index("Bob was here")
    assert "Carol was here" not in first.text
    assert "Carol was here" in second.text
    assert "Older" in words(first)
    assert "Older" not in words(second)
