"""Anybody can read what changed between two versions, part by part and word by word (C25)."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.core.database import db
from app.policy.comparing import compared, words_compared
from app.policy.documents import publish_missing, row_of
from app.policy.models import DocumentVersion
from app.policy.sources import sources

pytestmark = pytest.mark.clause("C25")

OLD = (
    "Policy\n\nWe keep a name.\n\n# Cookies\n\n- one cookie\n- two cookies\n\n# Rights\n\nAsk us.\n"
)
NEW = (
    "Policy\n\nWe keep a name and a number.\n\n# Cookies\n\n- one cookie\n\n"
    "Nothing else is stored.\n\n# Rights\n\nAsk us.\n"
)

LINES = st.text("abc 隐私政策 ,.", max_size=40)
DOCUMENTS = st.lists(
    st.sampled_from(("One word.", "Two words.", "# Head", "- item", "- other\n- third", "全文。")),
    max_size=8,
).map(lambda blocks: "\n\n".join(["Title", *blocks]))


def texts(parts, without):
    return [
        "".join(piece.text for piece in part.pieces if piece.op != without)
        for part in parts
        if part.state != without
    ]


def publish(app, now, **versions):
    """Publish texts as "v1" → text, in every language."""
    with app.app_context():
        rows = [
            row_of("privacy", int(name[1:]), language, text, published_at=now, effective_at=now)
            for name, text in versions.items()
            for language in ("en", "de", "fr", "zh")
        ]
        db.session.execute(sa.insert(DocumentVersion), rows)
        db.session.commit()


@given(LINES, LINES)
def test_of_the_words_that_stay_and_go_the_old_line_is_made_again_and_of_the_others_the_new(
    old, new
):
    pieces = words_compared(old, new)

    assert "".join(piece.text for piece in pieces if piece.op != "added") == old
    assert "".join(piece.text for piece in pieces if piece.op != "gone") == new


@given(DOCUMENTS, DOCUMENTS)
def test_of_the_parts_that_stay_and_go_the_old_text_is_made_again_and_of_the_others_the_new(
    old, new
):
    parts = compared(old, new).parts

    assert texts(parts, "added") == texts(compared(old, old).parts, "added")
    assert texts(parts, "gone") == texts(compared(new, new).parts, "gone")
    assert compared(old, old).is_none


def test_a_changed_paragraph_is_one_part_and_not_one_gone_and_one_new():
    difference = compared(OLD, NEW)

    counted = {state: difference.count(state) for state in ("changed", "added", "gone")}
    assert counted == {"changed": 1, "added": 1, "gone": 1}


def test_chinese_is_compared_by_characters():
    pieces = words_compared("我们保留您的姓名。", "我们保留您的电话。")

    assert [piece for piece in pieces if piece.op != "same"] == [
        ("gone", "姓名"),
        ("added", "电话"),
    ]


def test_a_visitor_reads_what_changed_with_a_summary_on_top(app, client, clock, count_queries):
    publish(app, clock(), v1=OLD, v2=NEW)

    with count_queries() as sent:
        page = client.get("/privacy/versions/2/changes")

    assert page.status_code == 200
    assert "1 part changed" in page.text
    assert "1 part is new" in page.text
    assert "1 part is gone" in page.text
    assert "and a number</" not in page.text.replace(" <span", "</")  # marked, not only written
    assert "<ins>" in page.text
    assert "<del>" in page.text
    assert "[new:" in page.text
    assert "Set-Cookie" not in page.headers
    assert len(sent) <= 5


def test_what_stays_is_folded_and_headings_with_changes_under_them_are_not():
    runs = compared(OLD, NEW).runs

    shown = [part.text for same, run in runs if not same for part in run]
    folded = [part.text for same, run in runs if same for part in run]
    assert "Cookies" in shown
    assert "Rights" in folded


def test_any_two_versions_can_be_compared(app, client, clock):
    publish(app, clock(), v1=OLD, v2=NEW, v3=OLD)

    beside = client.get("/privacy/versions/3/changes?with=1").text
    before = client.get("/privacy/versions/3/changes").text

    assert "Compared with version 1" in beside
    assert "Nothing changed in this language." in beside
    assert "Compared with version 2" in before


@pytest.mark.parametrize(
    "address",
    [
        "/privacy/versions/7/changes",
        "/terms/versions/2/changes",
        "/privacy/versions/2/changes?with=9",
        "/privacy/versions/2/changes?with=x",
        "/privacy/versions/2/changes?with=-1",
    ],
)
def test_what_was_never_published_is_not_found(app, client, clock, address):
    publish(app, clock(), v1=OLD, v2=NEW)

    assert client.get(address).status_code == 404


def test_the_first_version_says_that_there_is_none_before(app, client, clock):
    publish(app, clock(), v1=OLD)

    assert "the first version" in client.get("/privacy/versions/1/changes").text


def test_a_text_cannot_become_markup(app, client, clock):
    publish(app, clock(), v1=OLD, v2=OLD + "\n<script>alert(1)</script>\n")

    page = client.get("/privacy/versions/2/changes").text

    assert "<script>alert" not in page


@pytest.mark.parametrize("language", ["en", "de", "fr", "zh"])
def test_every_shipped_version_can_be_compared_with_every_other(app, client, clock, language):
    shipped = [one for one in sources() if one.document == "privacy"]
    with app.app_context():
        for one in shipped:
            row = row_of("privacy", one.number, one.language, one.text, source=one.name,
                         published_at=clock(), effective_at=clock())  # fmt: skip
            db.session.execute(sa.insert(DocumentVersion), [row])
        publish_missing(now=clock())
        db.session.commit()

    for number in {one.number for one in shipped} - {1}:
        page = client.get(f"/privacy/versions/{number}/changes?with=1&lang={language}")
        assert page.status_code == 200


def test_a_version_that_was_taken_back_is_nobodys_version_before(app, client, clock):
    publish(app, clock(), v1=OLD)
    with app.app_context():
        now, later = clock(), clock() + timedelta(days=40)
        for number, withdrawn in ((2, now), (3, None)):
            rows = [
                row_of("privacy", number, language, NEW, published_at=now, effective_at=later)
                | {"withdrawn_at": withdrawn}
                for language in ("en", "de", "fr", "zh")
            ]
            db.session.execute(sa.insert(DocumentVersion), rows)
        db.session.commit()

    page = client.get("/privacy/versions/3/changes").text

    assert "Compared with version 1" in page
    assert "taken back" in client.get("/privacy/versions/2/changes").text
