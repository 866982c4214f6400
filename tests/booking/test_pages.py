"""A public page is never stale, costs a few statements in any house, and names nobody."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from icalendar import Calendar

from app import create_app
from app.booking.holds import HOLD_TIME, hold, release_run_out
from app.booking.kept_pages import MOST_BYTES, MOST_PAGES, MOST_QUERY
from app.booking.models import OfferRow, RateRow, Reservation, VenueRow
from app.booking.prices import quote
from app.booking.reservations import cancel, get_for_update
from app.booking.routes.basket import HOLD_LIMIT
from app.booking.shop import shop
from app.core.database import db
from tests.house.canaries import PERSON
from tests.house.visitor import Visitor, address_of, key_of, reference_of
from tests.owner.guests import book, details, stay

STAY = "/offers/boathouse?month=2031-06"
SEARCH = "/search?arrive=2031-06-02&depart=2031-06-05&adults=2"
SESSION = "/offers/sauna?month=2031-05"
PUBLIC = {"/": 1, SEARCH: 3, STAY: 3, SESSION: 3, "/contact": 1}


def day(text):
    return datetime.fromisoformat(text).date()


def fill_the_house(count, now):
    """Book sessions and nights, a few at a time, far into the year."""
    made = 0
    first = day("2031-05-10")
    while made < count:
        arrive = first + timedelta(days=made % 500)
        wish = stay("reed-room", arrive, arrive + timedelta(days=1))
        try:
            held = hold(shop().catalogue, quote(shop().catalogue, [wish]), language="en", now=now)
        except Exception:  # noqa: BLE001 (full: the next day)
            first += timedelta(days=1)
            continue
        made += bool(held)
    db.session.commit()


# -- What a page costs --------------------------------------------------------------------


@pytest.mark.parametrize(("path", "most"), PUBLIC.items())
def test_a_page_costs_a_few_statements(place, visitor, count_queries, path, most):
    visitor.open("/healthz")
    visitor.open("/contact")  # reads what is offered, once a process
    with count_queries() as first:
        assert visitor.open(path).status == 200
    with count_queries() as again:
        assert visitor.open(path).status == 200

    assert len(first) <= most, first
    assert len(again) <= most, again


@pytest.mark.parametrize("path", [SEARCH, STAY, SESSION, "/"])
def test_with_a_basket_a_page_costs_one_statement_more(place, count_queries, path):
    visitor = Visitor(place, cookies=True)
    visitor.choose_stay()
    with count_queries() as sent:
        page = visitor.open(path)

    assert "Basket (1)" in page.text
    assert len(sent) <= PUBLIC[path] + 1, sent


def test_a_full_house_costs_no_more_than_an_empty_one(place, clock, count_queries):
    def cost():
        visitor = Visitor(place)
        place.extensions["kept_pages"].clear()
        found = {}
        for path in (*PUBLIC, f"{SEARCH}&children=1"):
            with count_queries() as sent:
                visitor.open(path)
            found[path] = len(sent)
        return found

    with place.app_context():
        fill_the_house(10, clock())
    cost()
    few = cost()
    with place.app_context():
        fill_the_house(990, clock())
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Reservation)) == 1000
    many = cost()

    assert many == few


def test_holding_costs_the_same_however_much_is_booked(place, clock, count_queries):
    def cost(visitor):
        basket = visitor.choose_session("sauna")
        with count_queries() as sent:
            page = visitor.send(basket.form("/hold"), go_on=False)
        assert page.status == 303
        return len(sent)

    Visitor(place).open("/")
    first = cost(Visitor(place))
    with place.app_context():
        fill_the_house(300, clock())

    assert cost(Visitor(place)) == first
    assert first < 40


# -- Never stale --------------------------------------------------------------------------


@pytest.fixture
def two(place):
    """Two visitors of one process, reading English and German."""
    return Visitor(place), Visitor(place, headers={"Accept-Language": "de"})


def seen_by(two, path):
    """Return what both see, by their own eyes and from what is kept."""
    shown = []
    for visitor in two:
        first, again = visitor.open(path), visitor.open(path)
        assert first.body == again.body
        shown.append(first.words)
    return shown


def test_a_hold_a_cancellation_and_a_run_out_hold_show_at_once(place, clock, two):
    with place.app_context():
        shop()
    steps = [[seen_by(two, path) for path in (STAY, SEARCH)]]

    def step():
        steps.append([seen_by(two, path) for path in (STAY, SEARCH)])

    with place.app_context():
        wish = stay("boathouse", day("2031-06-02"), day("2031-06-05"))
        held = hold(shop().catalogue, quote(shop().catalogue, [wish]), language="en", now=clock())
        db.session.commit()
    step()
    clock.move(HOLD_TIME)
    step()
    with place.app_context():
        who = details("Somebody", "somebody@example.org")
        release_run_out(now=clock())
        reference = book(wish, now=clock(), who=who)
        found = db.session.scalar(
            sa.select(Reservation.id).where(Reservation.reference == reference)
        )
    step()
    with place.app_context():
        cancel(get_for_update(found), expected_refund=None, now=clock())
        db.session.commit()
    step()

    free, held_now, run_out, booked, cancelled = steps
    assert free == run_out == cancelled
    assert held_now == booked
    for now_free, now_taken in zip(free, held_now, strict=True):
        assert [a != b for a, b in zip(now_free, now_taken, strict=True)] == [True, True]
    assert held.reference != reference


def test_a_change_of_price_or_words_shows_at_once(place, two):
    before = [seen_by(two, path) for path in ("/", STAY, SEARCH)]
    with place.app_context():
        rates = sa.select(RateRow).join(OfferRow).where(OfferRow.slug == "boathouse")
        for rate in db.session.scalars(rates):
            rate.minor = 12_345
        db.session.commit()
    after = [seen_by(two, path) for path in ("/", STAY, SEARCH)]

    assert all(
        a != b
        for one, other in zip(before, after, strict=True)
        for a, b in zip(one, other, strict=False)
    )
    with place.app_context():
        offer = db.session.scalars(sa.select(OfferRow).where(OfferRow.slug == "boathouse")).one()
        offer.texts = {**offer.texts, "de": {**offer.texts["de"], "name": "Zum Eisvogel"}}
        db.session.commit()
    english, german = seen_by(two, "/")
    assert "Zum Eisvogel" in german
    assert english == after[0][0]


def test_another_process_shows_the_change_too(place, settings, clock):
    other = Visitor(create_app(settings, clock=clock))
    before = other.open(STAY)
    Visitor(place).hold(Visitor(place).choose_stay("boathouse"))

    assert other.open(STAY).words != before.words


def test_midnight_and_the_end_of_booking_a_session_show_on_the_minute(place, clock, two):
    clock.set(datetime(2031, 5, 5, 14, 59, 59, tzinfo=UTC))  # the sauna is at 17:00, 15:00 UTC
    clock.set(
        datetime(2031, 5, 5, 12, 59, 59, tzinfo=UTC)
    )  # and can be booked until two hours before
    starts = [len(two[0].open(SESSION).soup.select(".session"))]
    clock.move(timedelta(seconds=1))
    starts.append(len(two[0].open(SESSION).soup.select(".session")))

    clock.set(datetime(2031, 5, 5, 21, 59, 59, tzinfo=UTC))
    today = seen_by(two, "/offers/reed-room?month=2031-05")
    clock.move(timedelta(seconds=1))
    tomorrow = seen_by(two, "/offers/reed-room?month=2031-05")

    assert starts[1] == starts[0] - 1
    assert today != tomorrow
    past = [words.count("past") for words in (today[0], tomorrow[0])]
    assert past[1] == past[0] + 1


def test_languages_are_kept_apart(place):
    english, german = Visitor(place), Visitor(place, headers={"Accept-Language": "de"})

    pages = [visitor.open("/") for visitor in (english, german, english, german)]

    assert pages[0].body == pages[2].body != pages[1].body == pages[3].body
    assert pages[0].header("ETag") != pages[1].header("ETag")


@pytest.mark.clause("C09")
def test_no_page_of_somebody_with_a_basket_or_session_is_kept(place, visitor):
    key = address_of(visitor.choose_stay()).rpartition("/")[2]
    place.extensions["kept_pages"].clear()
    with_cookie = Visitor(place)
    with_cookie.client = place.test_client()
    with_cookie.client.set_cookie("basket", key, domain="localhost")

    for path in ("/", SEARCH, STAY):
        with_link = visitor.open(f"{path}{'&' if '?' in path else '?'}basket={key}")
        page = with_cookie.open(path)
        assert "Basket (1)" in page.text
        assert "Basket (1)" in with_link.text
        assert page.header("ETag") is with_link.header("ETag") is None
        assert "Basket (1)" not in Visitor(place).open(path).text
    assert all(key not in repr(page) for page in place.extensions["kept_pages"].items())


def test_two_addresses_that_begin_alike_are_two_pages(visitor):
    padding = "x" * 600
    one = visitor.open(f"/offers/reed-room?pad={padding}&month=2031-06")
    other = visitor.open(f"/offers/reed-room?pad={padding}&month=2031-07")

    captions = [page.soup.find("caption").get_text() for page in (one, other)]
    assert captions == ["June 2031", "July 2031"]


def test_a_page_that_is_known_is_not_sent_again(visitor):
    first = visitor.open(SEARCH)
    tag = first.header("ETag")

    same = visitor.open(SEARCH, headers={"If-None-Match": tag})
    several = visitor.open(SEARCH, headers={"If-None-Match": f'"other", {tag}'})
    other = visitor.open(SEARCH, headers={"If-None-Match": '"other"'})
    coded = visitor.open(SEARCH, headers={"Accept-Encoding": "br", "If-None-Match": tag})

    assert (same.status, same.body) == (304, b"")
    assert same.header("ETag") == tag
    assert several.status in (200, 304)
    assert other.status == 200
    assert coded.status == 304


def test_what_is_kept_is_bounded(place, visitor):
    for number in range(MOST_PAGES + 40):
        visitor.open(f"/contact?n={number}")
    visitor.open(f"/contact?{'n' * 5000}")

    kept = place.extensions["kept_pages"]
    assert len(kept) <= MOST_PAGES
    assert all(len(page.body) <= MOST_BYTES for page in kept.values())
    assert all(len(query) <= MOST_QUERY for _, query, *_ in kept)


def test_a_wrong_search_or_a_missing_offer_is_not_kept(place, visitor):
    visitor.open("/search?adults=-1")
    visitor.open("/offers/nowhere")

    assert len(place.extensions["kept_pages"]) == 0


def test_an_error_while_a_page_is_made_is_not_kept(place, visitor, monkeypatch):
    with place.app_context():
        shop()
        original = db.session.scalar(sa.select(VenueRow.zone))
        db.session.execute(sa.update(VenueRow).values(zone="Not/AZone", catalogue_version=77))
        db.session.commit()
    assert visitor.open("/").status == 500
    with place.app_context():
        db.session.execute(sa.update(VenueRow).values(zone=original, catalogue_version=78))
        db.session.commit()

    assert visitor.open("/").status == 200


# -- What public pages tell ---------------------------------------------------------------


@pytest.mark.clause("C22")
@pytest.mark.clause("C23")
def test_no_public_page_and_no_calendar_file_names_anybody(place, clock, visitor):
    reservation = visitor.book(**PERSON)
    looking = Visitor(place)
    pages = [looking.open(path) for path in ("/", SEARCH, STAY, SESSION, "/contact", "/terms")]
    calendar = visitor.open(
        f"/reservations/{reference_of(reservation)}/calendar.ics?key={key_of(reservation)}"
    )

    for page in (*pages, calendar):
        for value in PERSON.values():
            assert value not in page.text, page.url
    assert Calendar.from_ical(calendar.body)["method"] == "PUBLISH"


# -- Limits -------------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_too_many_holds_from_one_network_wait_and_others_do_not(settings, place, clock):
    app = create_app(replace(settings, proxy_hops=1), clock=clock)
    here = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "localhost",
    }
    busy, other = (
        Visitor(app, headers=here),
        Visitor(app, headers={**here, "X-Forwarded-For": "198.51.100.9"}),
    )
    basket = busy.choose_session("sauna")
    sheet = basket.form("/hold")
    statuses = []
    for _number in range(HOLD_LIMIT.burst + 1):
        page = busy.send(sheet, go_on=False)
        statuses.append(page.status)
        if page.status == 303:
            with app.app_context():  # as if they had changed their mind about it
                db.session.execute(
                    sa.text("UPDATE reservation SET status='released', basket_id=NULL")
                )
                db.session.execute(sa.text("UPDATE session_places SET taken = 0"))
                db.session.commit()

    refused = busy.seen[-1]
    assert statuses == [303] * HOLD_LIMIT.burst + [429]
    assert refused.title == "A little too often"
    assert int(refused.header("Retry-After")) > 0
    assert refused.header("Set-Cookie") is None
    assert other.hold(other.choose_session("sauna")).title == "Your details"
    assert busy.open(basket.url).status == 200
    clock.move(timedelta(seconds=int(refused.header("Retry-After"))))
    assert busy.send(busy.open(basket.url).form("/hold"), go_on=False).status == 303


def test_the_calendar_says_in_words_which_days_are_chosen_where_few_are_left_too(
    place, clock, visitor
):
    with place.test_request_context():
        book(
            stay("reed-room", date(2031, 6, 10), date(2031, 6, 13)),
            who=details("Karla Ehrlich", "karla@example.org"),
            now=clock(),
        )
        db.session.commit()

    page = visitor.open("/offers/reed-room?arrive=2031-06-10&depart=2031-06-12&lang=en")

    for state, word in (("arrive", "arrival"), ("between", "your stay"), ("depart", "departure")):
        told = page.soup.select_one(f"td.is-{state}").get_text(" ")
        assert "2 left" in told
        assert word in told
