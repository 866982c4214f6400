"""The pictures that the house uploaded, under names that change with what is in them."""

import sqlalchemy as sa
from flask import Response, abort

from app.booking.blueprint import bp
from app.booking.models import PictureRow
from app.core.database import db, table

_picture = table(PictureRow)
_BODY = sa.select(_picture.c.body).where(
    _picture.c.digest == sa.bindparam("digest"), _picture.c.width == sa.bindparam("width")
)


@bp.get("/pictures/<string(length=64):digest>-<int(max=9999):width>.webp")
def picture(digest: str, width: int) -> Response:
    """Answer with one size of a picture; a year's life, as for our own files."""
    values = {"digest": digest, "width": width}
    body = db.session.connection().execute(_BODY, values).scalar() or abort(404)
    response = Response(body, content_type="image/webp")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
