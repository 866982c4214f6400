"""How a picture is shown: a drawing of ours, or one that the house uploaded, in its sizes.

What an offer keeps is the name of a drawing ("reed-room.svg"), or the digest of an
uploaded picture and its largest width ("3f…-1600"); nothing has to be read to show it.
"""

import re
from dataclasses import dataclass

from flask import Flask, current_app, url_for

from app.web.assets import Asset

WIDTHS = (480, 960, 1600)
"""In pixels; a picture is kept in those that it is wide enough for."""

_UPLOADED = re.compile(r"([0-9a-f]{64})-(480|960|1600)")


@dataclass(frozen=True, slots=True)
class Shown:
    """What an <img> says of a picture."""

    src: str
    srcset: str
    width: int
    height: int


def height_of(width: int) -> int:
    """Return the height that goes with a width: every picture is three wide and two high."""
    return round(width * 2 / 3)


def name_of(digest: str, widest: int) -> str:
    """Return what an offer keeps of an uploaded picture."""
    return f"{digest}-{widest}"


def digest_in(name: str) -> str | None:
    """Return the digest of an uploaded picture by its name; None for a drawing, or none."""
    found = _UPLOADED.fullmatch(name)
    return found[1] if found else None


def shown(name: str) -> Shown | None:
    """Return how to show a picture by its name; None where there is none."""
    found = _UPLOADED.fullmatch(name)
    if found is None:
        hashed = current_app.extensions["drawings"].get(name)
        return Shown(f"/static/{hashed}", "", 720, 480) if hashed else None
    digest, widest = found[1], int(found[2])
    urls = {
        width: url_for("booking.picture", digest=digest, width=width)
        for width in WIDTHS
        if width <= widest
    }
    middle = min(widest, 960)
    srcset = ", ".join(f"{url} {width}w" for width, url in urls.items())
    return Shown(urls[middle], srcset, middle, height_of(middle))


def init_app(app: Flask) -> None:
    """Give templates `picture_of(name)`."""
    assets: dict[str, Asset] = app.extensions["assets"]
    app.extensions["drawings"] = {asset.name: name for name, asset in assets.items()}
    app.jinja_env.globals["picture_of"] = shown
