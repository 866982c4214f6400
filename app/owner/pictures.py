"""Uploaded pictures, made anew from their pixels: what isn't seen of them doesn't stay.

A camera writes where and when a picture was taken into it, and whoever sends a file can
put anything behind its end. So the pixels are all that is taken over: turned upright, in
sRGB, cut to three by two, in a few widths, as WebP.
"""

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from app.booking.models import OfferRow, PictureRow, VenueRow
from app.booking.pictures import WIDTHS, digest_in, height_of, name_of
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_

if TYPE_CHECKING:
    from PIL import Image

MOST_BYTES = 12_000_000
MOST_PIXELS = 40_000_000  # 120 MB while it is looked at
_KINDS = ("JPEG", "PNG", "WEBP")
_QUALITY = 80


class NoPicture(DomainError):
    """Not a JPEG, PNG or WebP that can be read to its end."""

    message = N_("We can’t read this as a picture. Please choose a JPEG, PNG or WebP file.")


class TooManyPixels(NoPicture):
    """Larger than `most` million pixels."""

    message = N_("This picture is too large. Millions of pixels, at most: %(most)d.")


class TooSmall(NoPicture):
    """Too small to be looked at."""

    message = N_(
        "This picture is too small. It has to be %(width)d pixels wide and %(height)d high."
    )


class Moving(NoPicture):
    """More than one frame."""

    message = N_("This picture moves. Please choose one that stands still.")


def make_anew(content: bytes) -> dict[int, bytes]:
    """Return {width: WebP} of a picture that somebody sent. Raises NoPicture and its kinds."""
    # Late: it takes long to import, and only this page needs it.
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        with Image.open(BytesIO(content), formats=_KINDS) as found:
            _check(found)
            return dict(_sizes(_upright(found)))
    except NoPicture:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels(most=MOST_PIXELS // 1_000_000) from error
    except Exception as error:  # a decoder may fail in any way on what is sent
        raise NoPicture from error


def _check(found: "Image.Image") -> None:
    """Refuse what a picture's head says is too much, before a single pixel is unpacked."""
    if found.width * found.height > MOST_PIXELS:
        raise TooManyPixels(most=MOST_PIXELS // 1_000_000)
    # A telephone's JPEG may hold a second picture behind the first: that goes.
    if found.format != "MPO" and getattr(found, "n_frames", 1) > 1:
        raise Moving


def _upright(found: "Image.Image") -> "Image.Image":
    """Return a picture's pixels as a camera was held, in sRGB, on white, and nothing else."""
    # Late: it takes long to import, and only this page needs it.
    from PIL import Image, ImageCms, ImageOps

    found.draft("RGB", (WIDTHS[-1] * 2, WIDTHS[-1] * 2))  # a JPEG is unpacked smaller
    profile = found.info.get("icc_profile")
    turned = ImageOps.exif_transpose(found)
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        turned = turned.convert("RGBA")
        plain = Image.new("RGB", turned.size, "white")
        plain.paste(turned, mask=turned.getchannel("A"))
        return plain
    if profile and turned.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            turned = ImageCms.profileToProfile(turned, source, target, outputMode="RGB") or turned
        except ImageCms.PyCMSError:
            pass  # a profile that can't be read says nothing about the pixels
    plain = Image.new("RGB", turned.size)
    plain.paste(turned.convert("RGB"))
    return plain


def _sizes(whole: "Image.Image") -> Iterator[tuple[int, bytes]]:
    # Late: it takes long to import, and only this page needs it.
    from PIL import Image, ImageOps

    least = WIDTHS[0]
    if whole.width < least or whole.height < height_of(least):
        raise TooSmall(width=least, height=height_of(least))
    widest = min(whole.width, whole.height * 3 / 2)
    for width in WIDTHS:
        if width > widest + 1:
            break
        size = (width, height_of(width))
        fitted = ImageOps.fit(whole, size, method=Image.Resampling.LANCZOS)
        out = BytesIO()
        fitted.save(out, "WEBP", quality=_QUALITY, method=4)
        yield width, out.getvalue()


def keep(content: bytes, *, now: datetime) -> str:
    """Make a picture anew, keep its sizes, and return the name that an offer keeps of it.

    Raises NoPicture and its kinds. The caller commits.
    """
    sizes = make_anew(content)
    widest = max(sizes)
    digest = sha256(sizes[widest]).hexdigest()
    known = sa.select(PictureRow.id).where(PictureRow.digest == digest).limit(1)
    if db.session.scalar(known) is None:
        db.session.add_all(
            PictureRow(digest=digest, width=width, height=height_of(width), body=body, made_at=now)
            for width, body in sizes.items()
        )
        db.session.flush()
    return name_of(digest, widest)


def show(row: OfferRow | VenueRow, picture: str, alts: dict[str, str]) -> None:
    """Give an offer, or the place, a picture and the words for who can't see it.

    "" takes the picture away. What nothing shows any more is deleted.
    """
    before, row.picture = row.picture, picture
    kept: dict[str, Any] = {code: dict(said) for code, said in row.texts.items()}
    for code, alt in alts.items():
        said = {**kept.get(code, {}), "alt": alt}
        kept[code] = {key: words for key, words in said.items() if words}
    row.texts = {code: said for code, said in kept.items() if said}
    db.session.flush()
    _forget(before)


def _forget(name: str) -> None:
    digest = digest_in(name)
    if digest is None:
        return
    for model in (OfferRow, VenueRow):
        shows = sa.select(model.id).where(model.picture.startswith(digest)).limit(1)
        if db.session.scalar(shows) is not None:
            return
    db.session.execute(sa.delete(PictureRow).where(PictureRow.digest == digest))
