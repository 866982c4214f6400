"""Everything that is stored, on a visitor's device and with us: the public inventory (C11)."""

from flask import render_template
from flask.typing import ResponseReturnValue

from app.core.languages import gettext
from app.privacy import storage, terms
from app.privacy.blueprint import bp
from app.privacy.routes.retention import copies


@bp.get("/privacy/storage", endpoint="storage")
def storage_page() -> ResponseReturnValue:
    """List cookies, tables, logs and copies, each with its period."""
    tables, empty = storage.counted()
    law = terms.place().law
    return render_template(
        "privacy/storage.html",
        cookies=storage.cookies(),
        device=list(storage.on_device()),
        groups=storage.groups(law),
        nobody=storage.without_way(law),
        tables=tables,
        empty=empty,
        log=tuple(map(gettext, storage.SERVER_LOG)),
        copies=list(copies()),
    )
