"""Anybody can read the terms, the policy, every old version and the recipients, unnoticed."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from app import create_app
from app.core.database import db
from app.core.egress import Egress
from app.policy.documents import current, publish_missing
from app.policy.models import PRIVACY, TERMS, DocumentVersion
from app.policy.recipients import RecipientUnnamed, listed, refuse_unnamed
from app.policy.sources import rendered, sources

NEWEST = {one.document: one.number for one in sources()}
PAGES = (
    "/terms",
    "/privacy",
    f"/terms/versions/{NEWEST[TERMS]}",
    f"/privacy/versions/{NEWEST[PRIVACY]}",
    "/privacy/recipients",
)


@pytest.fixture
def published(app, clock):
    """The site with its documents."""
    with app.app_context():
        publish_missing(now=clock())
        db.session.commit()
    return app


@pytest.mark.clause("C06")
@pytest.mark.parametrize("page", PAGES)
def test_reading_sets_no_cookie_and_costs_little(published, client, count_queries, page):
    # The policy's own page has live facts beside the text: tests/policy/test_page.py. The last
    # of its statements counts readings outside a purpose (C17).
    most = 17 if page == "/privacy" else 7

    with count_queries() as sent:
        answer = client.get(page)

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert len(sent) <= most


@pytest.mark.clause("C06")
@pytest.mark.parametrize(("page", "document"), [("/terms", TERMS), ("/privacy", PRIVACY)])
@pytest.mark.parametrize("language", ["en", "zh", "de", "fr"])
def test_a_document_is_shown_whole_in_the_readers_language(
    published, client, clock, page, document, language
):
    with published.app_context():
        shown = current(document, language, now=clock())

    answer = client.get(page, headers={"Accept-Language": language}).text

    parts = rendered(shown.text).blocks
    words = [text for block in parts for text in (block.text, *block.items) if text]
    plain = answer.replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">")
    assert all(text in plain for text in words)
    assert shown.digest in answer.replace("<wbr>", "")


@pytest.mark.clause("C25")
def test_an_old_version_stays_readable_and_says_that_it_is_old(published, client, clock):
    with published.app_context():
        for language in ("en", "zh", "de", "fr"):
            db.session.execute(
                sa.insert(DocumentVersion).values(
                    document=TERMS,
                    number=9,
                    language=language,
                    text="Newer terms\n\nAll new.\n",
                    digest="0" * 64,
                    published_at=clock(),
                    effective_at=clock(),
                )
            )
        db.session.commit()

    new = client.get("/terms").text
    old = client.get(f"/terms/versions/{NEWEST[TERMS]}").text

    assert "All new." in new
    assert "This is an older version." not in new
    assert "Haus Rohrdommel" in old
    assert "This is an older version." in old


def test_a_text_cannot_become_markup(published, client, clock):
    with published.app_context():
        db.session.execute(
            sa.insert(DocumentVersion).values(
                document=TERMS,
                number=9,
                language="en",
                text="<b>Terms</b>\n\n<script>alert(1)</script>\n",
                digest="0" * 64,
                published_at=clock(),
                effective_at=clock(),
            )
        )
        db.session.commit()

    answer = client.get("/terms").text

    assert "<script>alert" not in answer
    assert "<b>Terms" not in answer


@pytest.mark.parametrize(
    "page",
    [
        "/terms/versions/9998",
        "/privacy/versions/0",
        "/terms/versions/99999",
        "/privacy/versions/99999999999999999999999999",
        "/terms/versions/-1",
        "/privacy/versions/one",
    ],
)
def test_a_version_that_does_not_exist_is_not_found(published, client, page):
    assert client.get(page).status_code == 404


def test_before_anything_is_published_there_is_nothing_to_read(client):
    assert client.get("/terms").status_code == 404


@pytest.mark.clause("C02")
def test_an_installation_that_sends_nothing_says_so(client):
    answer = client.get("/privacy/recipients").text

    assert "sends nothing to anyone outside" in answer


@pytest.mark.clause("C02")
def test_the_relay_is_listed_without_its_password(settings, clock):
    relay = replace(settings, mail_url="smtps://somebody:secret@mail.example.org:465")
    client = create_app(relay, clock=clock).test_client()

    answer = client.get("/privacy/recipients").text

    assert "mail.example.org" in answer
    assert "Mail relay" in answer
    assert "secret" not in answer
    assert "somebody" not in answer


@pytest.mark.clause("C02")
def test_nobody_is_reached_whom_no_page_tells_of():
    with pytest.raises(RecipientUnnamed, match="advertiser"):
        listed(Egress({"advertiser": "https://ads.example"}))
    # Not even at an address that somebody else brings; and a site with such a door doesn't start.
    with pytest.raises(RecipientUnnamed, match="advertiser"):
        refuse_unnamed(Egress({}, {"advertiser": ("ads.example",)}))
