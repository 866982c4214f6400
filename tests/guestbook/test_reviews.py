"""Nothing of a guest is public but what they saw, agreed to, and haven't taken back."""

import re
from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from app.accounts.details import DETAILS
from app.accounts.models import OWNER, STAFF, Account, Person
from app.accounts.readings import REVIEW
from app.accounts.restrictions import OBJECT, RESTRICT, restrict
from app.booking.links import guest_url
from app.booking.models import Reservation, ReservationLine
from app.consent.ending import end_every_yes
from app.consent.models import PersonPermission
from app.consent.permissions_live import NotPermitted
from app.core.database import db
from app.core.datamap import Purpose
from app.guestbook import reviews, reviews_house
from app.guestbook.reviews_models import DRAFT, PublicReview, Review
from app.guestbook.reviews_words import delicate
from app.owner.trail_words import VERBS
from app.privacy import erasing
from app.privacy.correcting import correct
from app.privacy.subjects import Subject
from tests.guestbook.partnering import booked
from tests.house.canaries import found_under
from tests.house.leaks import leaks, personal_values
from tests.house.visitor import Visitor
from tests.owner.guests import details
from tests.owner.house import read_of

ARRIVE, DEPART = date(2031, 5, 6), date(2031, 5, 9)
GRETA = details("Greta Kanarienvogel", "greta@kanarie.example", phone="+4917139202777")
SAID = "The heron came to breakfast, Kanarienschnabel and all."
OVER = timedelta(days=5)


@pytest.fixture
def greta(place, clock):
    """The id and person of a reservation from 6 to 9 May, which is over."""
    found = booked(place, clock, GRETA, days=(ARRIVE, DEPART))
    clock.move(OVER)
    return found


def page_of(app, reservation_id):
    with app.test_request_context():
        return guest_url(db.session.get(Reservation, reservation_id))


def write(app, reservation_id, **said):
    """Write a review from the reservation's page; return the visitor, and what would be shown."""
    visitor = Visitor(app)
    page = visitor.open(page_of(app, reservation_id))
    link = page.soup.find("a", href=re.compile(r"/reviews/\d+\?"))
    form = visitor.open(str(link["href"])).form(urlsplit(str(link["href"])).path)
    given = {"text": SAID, "rating": "4", "named": "first", "with_month": "y", "country": "FR"}
    return visitor, visitor.send(form, **{**given, **said})


def agree(app, reservation_id, **said):
    """Write, look, and agree; return the page of the reservation after that."""
    visitor, look = write(app, reservation_id, **said)
    return visitor, visitor.send(look.form("/agree"))


def one(app):
    with app.app_context():
        return db.session.scalar(sa.select(Review))


def publish(app, clock):
    with app.app_context():
        reviews_house.publish(db.session.scalar(sa.select(Review.id)), now=clock())
        db.session.commit()


def public(app, word="Kanarienschnabel"):
    """Return on which pages everybody reads a word."""
    visitor, key = Visitor(app), one(app).key if one(app) else "A" * 24
    pages = ("/", "/reviews", f"/reviews/{key}", "/offers/reed-room", "/search")
    return {path.replace(key, "KEY") for path in pages if word in visitor.open(path).text}


EVERYWHERE = {"/reviews", "/reviews/KEY", "/offers/reed-room"}


# -- From the stay to the page and back -------------------------------------------------------


@pytest.mark.clause("C23")
@pytest.mark.both_databases
def test_from_the_stay_to_the_page_and_back(place, clock, greta, enters):
    staff = enters(STAFF)
    _, look = write(place, greta[0])
    written = public(place)
    visitor, agreed = agree(place, greta[0])
    waiting = public(place)
    opened = staff.get("/owner/reviews")
    number = one(place).id
    shown = staff.post(f"/owner/reviews/{number}/publish")
    everywhere = public(place)
    answered = staff.post(f"/owner/reviews/{number}/answer", words="He lives here.")
    page = visitor.open("/reviews")
    gone = visitor.send(visitor.open(page_of(place, greta[0])).form("/withdraw"))

    for said in (SAID, "Greta · France · May 2031 · ", "4 of 5", "everybody who opens this site"):
        assert said in look.words
    assert "Kanarienvogel" not in look.words
    assert "You agreed that it be shown" in agreed.words
    assert (written, waiting) == (set(), set())
    assert SAID in opened.text
    assert (shown.status_code, answered.status_code) == (303, 303)
    assert everywhere == EVERYWHERE
    assert "Our answer: He lives here." in page.words
    assert public(place) == set()
    assert "Not shown. You took it back." in gone.words
    assert "you took it back on the page of a reservation" in gone.words
    assert visitor.open(f"/reviews/{one(place).key}").status == 410
    assert visitor.open(f"/reviews/{'A' * 24}").status == 404
    assert read_of(place, greta[1])[0][:2] == ("staff", REVIEW)
    with place.app_context():
        assert db.session.scalar(sa.select(PublicReview)) is None


@pytest.mark.clause("C23")
@pytest.mark.both_databases
def test_what_is_taken_back_is_out_of_every_cache_at_once(place, clock, greta):
    visitor, _ = agree(place, greta[0])
    empty = visitor.open("/offers/reed-room")
    publish(place, clock)
    before = visitor.open("/offers/reed-room")
    tag = before.header("ETag")
    same = visitor.ask("GET", "/offers/reed-room", headers={"If-None-Match": tag})
    visitor.send(visitor.open(page_of(place, greta[0])).form("/withdraw"))
    after = visitor.ask("GET", "/offers/reed-room", headers={"If-None-Match": tag})

    assert SAID in before.text
    assert SAID not in empty.text
    assert same.status == 304
    assert (after.status, SAID in after.text) == (200, False)
    assert "private" in before.header("Cache-Control")
    for path in ("/reviews", f"/reviews/{one(place).key}"):
        assert visitor.open(path).header("Cache-Control") == "no-store"


@pytest.mark.clause("C23")
@pytest.mark.clause("C14")
def test_until_it_is_shown_it_lies_sealed(place, clock, greta, instance):
    agree(place, greta[0])
    for mail in (instance / "mail").glob("*"):
        mail.unlink()
    assert found_under(instance, (SAID, "Kanarienschnabel")) == []

    publish(place, clock)
    assert found_under(instance, ("Kanarienschnabel",)) != []


# -- Only what was agreed to ------------------------------------------------------------------


@pytest.mark.clause("C23")
@pytest.mark.both_databases
def test_a_yes_is_to_what_was_seen(place, clock, greta):
    visitor, look = write(place, greta[0])
    write_again = visitor.open(look.soup.find("a", string="Change it")["href"])
    visitor.send(write_again.form(), text="Something else altogether.")
    stale = visitor.send(look.form("/agree"), go_on=False)

    assert stale.status == 409
    assert "This has changed since you looked at it" in stale.words
    assert one(place).recipient is None
    with place.app_context():
        assert db.session.scalar(sa.select(PersonPermission)) is None


@pytest.mark.clause("C23")
@pytest.mark.both_databases
@pytest.mark.parametrize(
    "changes",
    [{"text": "It was fine."}, {"named": "initials"}, {"rating": ""}, {"country": ""}],
    ids=lambda changes: next(iter(changes)),
)
def test_changed_words_are_gone_until_they_are_agreed_to_anew(place, clock, greta, changes):
    visitor, page = agree(place, greta[0])
    publish(place, clock)
    form = visitor.open(page.soup.find("a", string="Change it")["href"]).form()
    look = visitor.send(form, **changes)

    assert public(place) == set()
    assert public(place, "It was fine.") == set()
    visitor.send(look.form("/agree"))
    assert one(place).state == "waiting"
    publish(place, clock)
    assert public(place, changes.get("text", SAID)) == EVERYWHERE


@pytest.mark.clause("C23")
@pytest.mark.clause("C26")
def test_a_name_that_is_corrected_is_public_no_longer(place, clock, greta):
    """The former one least of all; under the one of now it is another item, to be looked at."""
    visitor, _ = agree(place, greta[0])
    publish(place, clock)
    before = public(place, "Greta ·")

    renamed(place, clock, greta[1], title="Dr.")
    titled = public(place, "Greta ·")
    renamed(place, clock, greta[1], name="Gustav Kanarienvogel")

    assert before == titled == EVERYWHERE
    assert public(place) == set()
    assert one(place).state == DRAFT
    page = visitor.open(page_of(place, greta[0]))
    look = visitor.open(page.soup.find("a", href=re.compile("/look"))["href"])
    assert "Gustav ·" in look.words


def renamed(app, clock, person_id, **said):
    """Let somebody correct what is held on them."""
    with app.app_context():
        person = db.session.get(Person, person_id)
        known = {"title": person.title, "name": person.name, "phone": person.phone}
        correct(person, {**dict.fromkeys(DETAILS), **known, **said}, now=clock())
        db.session.commit()


def test_the_same_words_saved_again_stay_where_they_are(place, clock, greta):
    visitor, page = agree(place, greta[0])
    publish(place, clock)
    visitor.send(visitor.open(page.soup.find("a", string="Change it")["href"]).form())

    assert public(place) == EVERYWHERE


@pytest.mark.clause("C23")
@pytest.mark.both_databases
def test_what_nobody_agreed_to_cannot_be_published(place, clock, greta):
    agree(place, greta[0])
    with place.app_context():
        review = db.session.scalar(sa.select(Review))
        review.agreed = review.agreed.replace("heron", "hippo")
        db.session.commit()
    with pytest.raises(NotPermitted):
        publish(place, clock)
    with place.app_context():
        db.session.rollback()
        db.session.execute(sa.update(PersonPermission).values(ended_at=clock()))
        db.session.commit()
    with pytest.raises(NotPermitted):
        publish(place, clock)

    assert public(place, "hippo") == set()


@pytest.mark.clause("C23")
@pytest.mark.both_databases
def test_a_copy_without_a_yes_is_shown_to_nobody(place, clock, greta):
    agree(place, greta[0])
    publish(place, clock)
    with place.app_context():
        db.session.execute(sa.update(PersonPermission).values(ended_at=clock()))
        db.session.commit()
        assert db.session.scalar(sa.select(PublicReview)) is not None

    assert public(place) == set()


@pytest.mark.clause("C23")
@pytest.mark.parametrize("how", ["restricted", "objected"])
def test_who_asks_to_be_left_alone_is_not_shown(place, clock, greta, how):
    agree(place, greta[0])
    publish(place, clock)
    with place.app_context():
        purpose = Purpose.RESERVATION if how == "restricted" else Purpose.PUBLIC
        restrict([greta[1]], purpose, RESTRICT if how == "restricted" else OBJECT, now=clock())
        db.session.commit()

    assert public(place) == set()


@pytest.mark.clause("C23")
@pytest.mark.both_databases
@pytest.mark.parametrize("open_stay", [False, True], ids=["at once", "waits for its day"])
def test_who_asks_to_be_erased_is_off_the_site_at_once(place, clock, greta, open_stay):
    agree(place, greta[0])
    publish(place, clock)
    with place.app_context():
        found = db.session.get(Reservation, greta[0])
        subject = Subject((found.person_id,), None, found, None, "en")
        if open_stay:  # something else of theirs is still to come
            db.session.execute(
                sa.update(ReservationLine).values(depart=clock().date() + timedelta(days=9))
            )
        made = erasing.ask(subject, now=clock())
        db.session.commit()
        erasure_id = made.id

    assert public(place) == set()
    if not open_stay:
        with place.app_context():
            erasing.go_on(erasure_id, now=clock())
            assert db.session.scalar(sa.select(Review)) is None
            assert db.session.scalar(sa.select(PublicReview)) is None


@pytest.mark.clause("C23")
@pytest.mark.clause("C24")
@pytest.mark.both_databases
@pytest.mark.parametrize("before", ["waiting", "shown", "declined"])
def test_with_every_yes_its_copy_ends_too(place, clock, greta, before):
    agree(place, greta[0])
    if before == "shown":
        publish(place, clock)
    with place.app_context():
        if before == "declined":
            reviews_house.decline(one(place).id, "law", now=clock())
        end_every_yes(now=clock())
        db.session.commit()

    assert public(place) == set()
    with place.app_context():
        assert db.session.scalar(sa.select(PublicReview)) is None
        review = db.session.scalar(sa.select(Review))
        assert (review.recipient, review.agreed, review.text) == (None, None, SAID)
        assert review.state == ("declined" if before == "declined" else "draft")
    with pytest.raises(reviews_house.NotWaiting):
        publish(place, clock)


# -- Who may write ----------------------------------------------------------------------------


@pytest.mark.clause("C03")
@pytest.mark.parametrize("name", ["text", "rating", "named", "with_month", "country", "seen"])
def test_a_card_number_in_any_field_is_refused_and_never_shown_again(place, greta, instance, name):
    card = "4111 1111 1111 1111"

    if name == "seen":
        visitor, look = write(place, greta[0])
        page = visitor.send(look.form("/agree"), seen=card)
    else:
        _, page = write(place, greta[0], **{name: card})

    assert page.status in (409, 422) or (name, page.status) == ("with_month", 200)  # a box is a yes
    assert card not in page.text
    assert found_under(instance, (card, card.replace(" ", ""))) == []


@pytest.mark.clause("C23")
@pytest.mark.parametrize("how", ["not yet", "cancelled", "nobody came", "another's"])
def test_no_review_without_a_stay(place, clock, how):
    found = booked(place, clock, GRETA, days=(ARRIVE, DEPART))
    other = booked(place, clock, details("Bob", "bob@post.example"), room="boathouse",
                   days=(ARRIVE, DEPART))  # fmt: skip
    if how != "not yet":
        clock.move(OVER)
    with place.app_context():
        line_id = db.session.scalar(
            sa.select(ReservationLine.id).filter_by(reservation_id=found[0], kind="stay")
        )
        if how == "cancelled":
            reservation = db.session.get(Reservation, found[0])
            reservation.status, reservation.cancelled_at = "cancelled", clock()
        if how == "nobody came":
            db.session.execute(sa.update(ReservationLine).values(no_show_at=clock()))
        db.session.commit()
    page = page_of(place, other[0] if how == "another's" else found[0])
    path, _, query = page.partition("?")
    visitor = Visitor(place)
    told = visitor.open(page)
    answers = [
        visitor.ask(method, f"{path}/reviews/{line_id}?{query}", data=data).status
        for method, data in (("GET", None), ("POST", {"text": SAID, "named": "first"}))
    ]

    assert answers == ([404, 404] if how == "another's" else [409, 409])
    assert f"/reviews/{line_id}" not in told.text
    assert one(place) is None


@pytest.mark.clause("C23")
@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("step", ["write", "agree"])
def test_a_stay_that_is_cancelled_meanwhile_is_no_stay_any_more(place, clock, greta, step):
    # SQLite has one writer: nobody else comes between there.
    visitor, look = write(place, greta[0])
    form = visitor.open(look.soup.find("a", string="Change it")["href"]).form()
    cancelled = []

    def cancel(connection, cursor, statement, *_more):
        if "FOR UPDATE" in statement and not cancelled:
            cancelled.append(statement)
            with place.app_context(), db.engine.begin() as other:
                other.execute(sa.update(Reservation).values(
                    status="cancelled", cancelled_at=clock()
                ))  # fmt: skip

    with place.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", cancel)
    if step == "write":
        answer = visitor.send(form, go_on=False, text="Something else.")
    else:
        answer = visitor.send(look.form("/agree"), go_on=False)
    sa.event.remove(engine, "before_cursor_execute", cancel)

    assert cancelled
    assert answer.status == 409
    assert "once your stay is over" in answer.words
    with place.app_context():
        review = db.session.scalar(sa.select(Review))
        assert (review.text, review.state) == (SAID, "draft")


def test_one_review_for_each_thing_that_was_booked(place, clock, greta):
    write(place, greta[0])
    write(place, greta[0], text="Twice the heron.")

    with place.app_context():
        [review] = db.session.scalars(sa.select(Review))
        assert review.text == "Twice the heron."


@pytest.mark.clause("C23")
def test_what_is_delicate_is_asked_about_once_more(place, clock, greta):
    visitor, look = write(place, greta[0], text="Good for my depression, write to me@post.example.")
    at_once = visitor.send(look.form("/agree"), go_on=False)
    ticked = visitor.send(look.form("/agree"), minds="y")

    assert "may tell of this: health, how somebody can be reached" in look.words
    assert at_once.status == 422
    assert "You agreed that it be shown" in ticked.words
    assert delicate("A quiet room on the water; the sauna was warm at 90 degrees.") == []


@pytest.mark.parametrize(
    ("name", "named", "shown"),
    [
        ("Greta van Kanarienvogel", "first", "Greta"),
        ("Greta van Kanarienvogel", "initials", "G. K."),
        ("Greta", "initials", "G."),
        ("王小明", "first", "王小明"),
        ("Greta Kanarienvogel", "guest", "a guest"),
        ("", "first", "a guest"),
    ],
)
def test_nobody_is_named_otherwise_than_they_chose(app, name, named, shown):
    with app.app_context():
        assert reviews.name_shown(name, named) == shown


# -- The house can't choose in silence --------------------------------------------------------


@pytest.mark.clause("C23")
@pytest.mark.both_databases
def test_what_is_declined_is_counted_and_its_guest_told_why(place, clock, greta, enters):
    staff = enters(STAFF)
    visitor, _ = agree(place, greta[0])
    number = one(place).id
    without = staff.post(f"/owner/reviews/{number}/decline")
    declined = staff.post(f"/owner/reviews/{number}/decline", because="others")
    told = visitor.open(page_of(place, greta[0]))

    assert (without.status_code, declined.status_code) == (422, 303)
    assert public(place) == set()
    assert "Declined by us: 1" in visitor.open("/reviews").words
    assert "It tells something of others" in told.words


@pytest.mark.clause("C23")
def test_the_house_has_no_way_to_change_a_word(place, clock, greta, enters):
    owner = enters(OWNER)
    agree(place, greta[0])
    agreed = one(place)
    with place.app_context():
        kept = db.session.get(Review, agreed.id).agreed
    owner.post(f"/owner/reviews/{agreed.id}/publish", text="Wonderful!", item="Wonderful!")
    owner.post(f"/owner/reviews/{agreed.id}/answer", words="Thanks", text="Wonderful!", rating="5")

    with place.app_context():
        assert db.session.scalar(sa.select(PublicReview.item)) == kept
    assert public(place, "Wonderful!") == set()


@pytest.mark.clause("C19")
def test_each_act_is_in_the_trail_without_a_word_of_it(place, clock, greta, enters):
    staff = enters(STAFF)
    agree(place, greta[0])
    number = one(place).id
    staff.post(f"/owner/reviews/{number}/publish")
    staff.post(f"/owner/reviews/{number}/answer", words="He lives here.")
    staff.post(f"/owner/reviews/{number}/decline", because="law")
    trail = enters(OWNER).get("/owner/trail").text

    for verb in ("review.published", "review.answered", "review.declined"):
        assert VERBS[verb] in trail
    assert re.search("Kanarien|heron|He lives", trail) is None


# -- Everything that is public ----------------------------------------------------------------


@pytest.mark.clause("C22")
@pytest.mark.clause("C23")
@pytest.mark.both_databases
def test_no_personal_value_is_public_but_in_items_that_are_agreed_to(place, clock, greta):
    booked(place, clock, details("Bob Zwölfelf", "bob@kanarie.example"), room="boathouse")
    visitor, page = agree(place, greta[0])
    publish(place, clock)
    pages = ("/", "/search", "/reviews", f"/reviews/{one(place).key}", "/offers/reed-room",
             "/offers/boathouse", "/offers/sauna", "/privacy", "/privacy/recipients",
             "/search?arrive=2031-06-02&depart=2031-06-05")  # fmt: skip
    live = [leaks(place, visitor.open(path).text) for path in pages]
    values = personal_values(place)
    shown = visitor.open("/reviews").text
    visitor.send(page.form("/withdraw"))

    assert live == [{}] * len(pages)
    assert {"person.name", "person.email", "review.text", "reservation.reference"} <= set(values)
    # The search itself sees: without the yes the very same page would be a leak.
    assert set(leaks(place, shown)) >= {"review.text", "person.name"}
    assert [leaks(place, visitor.open(path).text) for path in pages] == [{}] * len(pages)


def test_the_pages_ask_the_same_however_many_reviews(place, clock, greta, count_queries):
    agree(place, greta[0])
    publish(place, clock)
    visitor = Visitor(place)
    counts = []
    for number in range(4):
        paths = (f"/reviews?lang=de&n={number}", f"/offers/reed-room?adults=2&n={number}")
        with count_queries() as seen:
            for path in paths:
                assert SAID in visitor.open(path).text
        counts.append(len(seen))
        days = (date(2031, 5, 10 + number), date(2031, 5, 11 + number))
        with place.app_context():
            clock.set(clock() - OVER)
        found = booked(place, clock, details(f"G{number}", "g@post.example"), days=days)
        clock.move(timedelta(days=OVER.days + 6 + number))
        agree(place, found[0])
        with place.app_context():
            newest = db.session.scalar(sa.select(sa.func.max(Review.id)))
            reviews_house.publish(newest, now=clock())
            db.session.commit()
        clock.move(-timedelta(days=6 + number))

    assert len(set(counts[1:])) == 1  # the first also asks what is remembered after it


def test_the_account_page_takes_back_what_was_written_anywhere(place, clock, greta, enters):
    agree(place, greta[0])
    publish(place, clock)
    guest = enters("guest", "greta@kanarie.example")
    page = guest.get("/account/permissions")
    action = re.search(r'action="([^"]+/withdraw[^"]+)"', page.text)[1].replace("&amp;", "&")
    done = guest.post(action)

    assert done.status_code == 303
    assert public(place) == set()
    with place.app_context():
        assert db.session.get(Account, guest.account_id) is not None
