"""Static files: one stylesheet, one script, pictures; hashed names, compressed once.

They are read into memory at the first use and served with a year's life under
a name that changes with their bytes.
"""

import gzip
import mimetypes
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path

import brotli
from flask import Blueprint, Flask, Response, abort, current_app, request

STATIC = Path(__file__).parent.parent.parent / "static"
# The order of the cascade; the layers' own order is declared in tokens.css.
_FIRST, _LAST = ("tokens", "base", "layout", "components"), ("print",)

bp = Blueprint("assets", __name__)


@dataclass(frozen=True)
class Asset:
    """A static file, its hashed name and its compressed forms."""

    name: str
    body: bytes
    media_type: str
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", sha256(self.body).hexdigest()[:10])

    @property
    def hashed_name(self) -> str:
        """The name in addresses, such as site.1f2e3d4c5b.css."""
        stem, dot, suffix = self.name.rpartition(".")
        return f"{stem}.{self.digest}{dot}{suffix}"

    @cached_property
    def encodings(self) -> dict[str, bytes]:
        """The body by content coding; a text is compressed as well as can be, once."""
        if not self.media_type.startswith(("text/", "image/svg")):
            return {}
        return {"br": brotli.compress(self.body, quality=11), "gzip": gzip.compress(self.body, 9)}


def squeeze_css(text: str) -> str:
    """Drop comments and needless white space; nothing that could change a meaning."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text)
    return re.sub(r" ?([{};,]) ?", r"\1", text).replace(";}", "}").strip()


def _in_order(folder: Path, pattern: str) -> list[Path]:
    def rank(path: Path) -> tuple[int, str]:
        if path.stem in _FIRST:
            return _FIRST.index(path.stem), path.stem
        return (99 if path.stem in _LAST else 50), path.stem

    return sorted(folder.glob(pattern), key=rank)


@cache
def load() -> dict[str, Asset]:
    """Read every static file; stylesheets and scripts become one bundle each."""
    css = squeeze_css("\n".join(p.read_text() for p in _in_order(STATIC / "css", "*.css")))
    js = "\n".join(p.read_text() for p in _in_order(STATIC / "js", "*.js"))
    assets = [
        Asset("site.css", css.encode(), "text/css; charset=utf-8"),
        Asset("site.js", js.encode(), "text/javascript; charset=utf-8"),
    ]
    # Scripts that pages name each for itself: pages for people who agreed to them ("consented"),
    # and pages that can do something with them that others can't ("pages").
    assets += [
        Asset(path.name, path.read_bytes(), "text/javascript; charset=utf-8")
        for folder in ("consented", "pages")
        for path in sorted((STATIC / folder).glob("*.js"))
    ]
    assets += [
        Asset(path.name, squeeze_css(path.read_text()).encode(), "text/css; charset=utf-8")
        for path in sorted((STATIC / "pages").glob("*.css"))
    ]
    for path in sorted((STATIC / "img").iterdir()):
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        assets.append(Asset(path.name, path.read_bytes(), media_type))
    return {asset.name: asset for asset in assets}


def init_app(app: Flask) -> None:
    """Serve the files under /static/ and give templates `asset()` and `image()`."""
    assets = load()
    app.extensions["assets"] = {asset.hashed_name: asset for asset in assets.values()}
    urls = {name: f"/static/{asset.hashed_name}" for name, asset in assets.items()}
    app.jinja_env.globals["asset"] = urls.__getitem__
    app.jinja_env.globals["image"] = urls.__getitem__
    app.register_blueprint(bp)


@bp.get("/static/<name>")
def serve(name: str) -> Response:
    """Answer with a static file, in the best coding that the browser takes."""
    assets: dict[str, Asset] = current_app.extensions["assets"]
    asset = assets.get(name) or abort(404)
    body, coding = asset.body, None
    for candidate, encoded in asset.encodings.items():
        if candidate in request.headers.get("Accept-Encoding", ""):
            body, coding = encoded, candidate
            break
    response = Response(body, content_type=asset.media_type)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["Vary"] = "Accept-Encoding"
    if coding:
        response.headers["Content-Encoding"] = coding
    return response
