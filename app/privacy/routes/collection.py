"""Every collection point, field by field: the public page, made from the forms themselves (C01)."""

from flask import render_template
from flask.typing import ResponseReturnValue

from app.privacy import collection
from app.privacy.blueprint import bp


@bp.get("/privacy/collection", endpoint="collection")
def collection_page() -> ResponseReturnValue:
    """Say of every field why it is asked, what happens if it stays empty, and what is kept."""
    forms, personal = collection.count()
    return render_template(
        "privacy/collection.html",
        points=collection.points(),
        house=collection.points_of_house(),
        others=list(collection.without_form()),
        forms=forms,
        personal=personal,
    )
