"""When the house goes along as it stands, the name changes and every yes ends; receipts don't."""

import pytest
import sqlalchemy as sa

from app.accounts.disclosures import of_persons
from app.accounts.models import Account
from app.consent import permissions
from app.continuity.controller_models import ControllerRecord
from app.continuity.controller_words import preview
from app.core.database import db
from app.core.datamap import Purpose
from app.core.languages import LANGUAGES
from app.privacy.export.readme import readme_text
from app.web.cookies import Category
from tests.accounts.ways import make_house
from tests.consent.answers import answer, choice_in, faults, grants, jar, records
from tests.continuity import changing
from tests.continuity.changing import LATER, NEW, UNTIL_DAY, enter, guest, work
from tests.house.ground import furnished, place  # noqa: F401 (fixtures)
from tests.owner.house import words

pytestmark = pytest.mark.clause("C24")
OLD = "Haus Rohrdommel"


def said_yes(place, client, clock):  # noqa: F811
    choice = choice_in(place, client, clock())
    return choice.granted if choice else frozenset()


def assert_papers_name_the_new_one(place, clock, owner):  # noqa: F811
    there = f"{NEW}, Morgenrotweg 1, 18356 Barth, Austria"
    with place.test_request_context():
        readme = " ".join(readme_text([], now=clock()).split())
    assert there in words(place.test_client().get("/contact"))
    assert there in words(enter(place, clock, owner.account_id).get("/owner/records"))
    assert there.replace(",", "", 1) in readme


@pytest.mark.both_databases
def test_the_name_changes_every_yes_ends_and_old_receipts_keep_the_old_name(place, clock):  # noqa: F811
    ada = guest(place, clock, "Ada Sturmvogel", days=LATER, account=True)
    ivo = guest(place, clock, "Ivo Odinshuehnchen", account=True)
    with place.app_context():
        person_id = changing.person_of(ada)
        permissions.give(person_id, Purpose.SURVEY, how="account", now=clock())
        db.session.commit()
    owner = enter(place, clock, owner_id := changing.owner_of(place, clock))
    changing.plan(owner, way="site", country="AT")
    changing.announce(owner)
    work(place, clock)
    enter(place, clock, ivo.account_id).post("/account/controller/no")
    assert "not Germany" in words(place.test_client().get("/privacy/controller"))

    # Two browsers answer on the eve: one yes, one no.
    clock.move(UNTIL_DAY)
    yes, no = place.test_client(), place.test_client()
    answer(yes, "accept")
    answer(no, "refuse")
    before, cookie = records(place), jar(yes)["choice"]
    assert {one["controller"]["name"] for one in before} == {OLD}
    assert grants(place)
    owner = enter(place, clock, owner_id)
    assert changing.hand_over(owner).status_code == 303
    clock.move(UNTIL_DAY / UNTIL_DAY.days / 24)
    work(place, clock)

    # The name.
    assert changing.change_in(place).state == "done"
    assert_papers_name_the_new_one(place, clock, owner)
    assert NEW in place.test_client().get("/privacy").text
    page = words(place.test_client().get("/privacy/controller"))
    assert f"{NEW} is, since" in page
    assert f"Before, it was {OLD}" in page

    # Every yes has ended, and is asked again; a no is no question.
    assert grants(place) == []
    with place.app_context():
        assert not permissions.permitted([person_id], Purpose.SURVEY)
        assert permissions.history([person_id], Purpose.SURVEY)[0].ended_at is not None
    assert jar(yes)["choice"] == cookie
    assert 'value="accept"' in yes.get("/").text
    assert 'class="asked"' not in no.get("/").text
    assert "statistics" not in jar(yes)

    # Old receipts keep the old name, new ones have the new one, and all of it still verifies.
    answer(yes, "accept")
    after = records(place)
    assert after[: len(before)] == before
    assert [one["controller"]["name"] for one in after[len(before) :]] == [NEW]
    assert not faults(place, clock())
    assert Category.STATISTICS in said_yes(place, yes, clock)

    # Who said no is gone, who stayed sees who has their data, and there is no package.
    with place.app_context():
        assert db.session.get(Account, ivo.account_id) is None
        notes = of_persons([person_id])
        assert "handed_over" in {one.what for one in notes}
        assert db.session.scalar(sa.select(sa.func.count()).select_from(ControllerRecord)) == 0


def test_the_country_of_the_new_one_is_said_last_and_as_its_reader_calls_it(place, clock):  # noqa: F811
    owner = enter(place, clock, changing.owner_of(place, clock))
    address = "Morgenrotweg 1\n18356 Barth\nDeutschland"
    changing.plan(owner, way="site", address=address)
    changing.announce(owner)
    page = words(place.test_client().get("/privacy/controller"))

    with place.test_request_context():
        change = changing.change_in(place)
        mails = {one: " ".join(preview(change, one)[1].split()) for one in LANGUAGES}

    called = {"en": "Germany", "de": "Deutschland", "fr": "Allemagne", "zh": "德国"}
    for language, country in called.items():
        comma = "，" if language == "zh" else ", "
        assert comma.join(("Morgenrotweg 1", "18356 Barth", country)) in mails[language]
    assert "Morgenrotweg 1, 18356 Barth, Germany" in page
    assert "Deutschland" not in page + mails["en"]


def test_a_calm_page_where_nothing_is_planned_and_few_statements(place, count_queries):  # noqa: F811
    client = place.test_client()
    client.get("/privacy/controller")

    with count_queries() as sent:
        page = client.get("/privacy/controller")

    assert "nothing is planned" in words(page)
    assert len([one for one in sent if one.startswith("SELECT")]) <= 6


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"changes_on": "2031-06-03"}, "at least 30 days"),
        ({"way": "data"}, "public key"),
        ({"way": "data", "public_key": "no key at all"}, "BEGIN PUBLIC KEY"),
        ({"name": ""}, "name, as people should read it"),
        ({"country": "Atlantis"}, "country from the list"),
    ],
)
def test_what_is_wrong_with_a_plan_is_said_beside_it(place, clock, typed, field):  # noqa: F811
    owner = enter(place, clock, changing.owner_of(place, clock))

    page = changing.plan(owner, **{"way": "site", **typed})

    assert page.status_code == 422
    assert field in words(page)
    assert "Morgenrotweg 1" in page.text


def test_another_name_announces_nothing_and_only_an_owner_may(place, clock):  # noqa: F811
    owner = enter(place, clock, changing.owner_of(place, clock))
    changing.plan(owner, way="site")

    assert owner.post("/owner/controller/announce", typed="Morgenrot").status_code == 422
    assert changing.change_in(place).state == "planned"
    staff = make_house(place, clock, "staff", "sam@house.example").account_id
    assert enter(place, clock, staff).get("/owner/controller").status_code == 403
