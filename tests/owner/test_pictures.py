"""Of an uploaded picture nothing stays but what is seen; what isn't a picture isn't taken."""

import struct
import zlib
from io import BytesIO

import pytest
import sqlalchemy as sa
from PIL import Image, ImageCms
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from app.accounts.models import READER, STAFF
from app.booking.models import OfferRow, PictureRow
from app.core.database import db
from app.owner import pictures
from tests.house.test_headers import faults
from tests.house.visitor import Visitor
from tests.owner.house import words
from tests.owner.test_offers import id_of, seen

SECRET = b"Taken in the garden of Mrs Canary"


def image(size=(1800, 1200), kind="JPEG", **more):
    out = BytesIO()
    made = Image.new("RGB", size, "teal")
    made.paste("orange", (0, 0, size[0] // 4, size[1] // 4))
    made.save(out, kind, **more)
    return out.getvalue()


def with_gps(**more):
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif[0x0112] = 6  # held upright: turned by a quarter
    exif.get_ifd(0x8825).update({1: "N", 2: (54.0, 20.0, 9.5), 3: "E", 4: (12.0, 40.0, 1.5)})
    return image(exif=exif, comment=SECRET, **more)


def upload(who, path, content, name="a.jpg", **alts):
    alts = alts or {"en_alt": "A teal wall"}
    sent = {"csrf_token": who.token, "file": FileStorage(BytesIO(content), name), **alts}
    # In memory: the client leaves the file open into which it writes a large body.
    boundary, body = encode_multipart(sent)
    return who.client.post(
        path, data=body, content_type=f"multipart/form-data; boundary={boundary}"
    )


def kept(app):
    with app.app_context():
        query = sa.select(PictureRow.width, PictureRow.height, PictureRow.body)
        return {row.width: (row.height, row.body) for row in db.session.execute(query)}


@pytest.fixture
def at_picture(place, enters):
    """Staff, and the page of the Reed Room's picture."""
    return enters(STAFF), f"/owner/offers/{id_of(place, 'reed-room')}/picture"


@pytest.mark.clause("C17")
def test_where_and_when_it_was_taken_is_gone_in_every_size(place, at_picture):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = with_gps(size=(2400, 3600), icc_profile=profile)

    answer = upload(*at_picture, content + b"PK\x03\x04<script>" + SECRET)

    assert answer.status_code == 303
    sizes = kept(place)
    assert {width: height for width, (height, _) in sizes.items()} == {
        480: 320, 960: 640, 1600: 1067,
    }  # fmt: skip
    for _, body in sizes.values():
        opened = Image.open(BytesIO(body))
        assert opened.format == "WEBP"
        assert not dict(opened.getexif())
        assert not {"exif", "icc_profile", "xmp"} & set(opened.info)
        for trace in (SECRET, b"EXIF", b"ICCP", b"XMP", b"script", b"Exif"):
            assert trace not in body


def test_a_picture_is_turned_as_the_camera_was_held():
    upright = pictures.make_anew(with_gps(size=(2400, 3600)))[480]

    shown = Image.open(BytesIO(upright)).convert("RGB")

    assert shown.getpixel((470, 10))[0] > 200  # orange: from the left to the right
    assert shown.getpixel((10, 10))[0] < 60


def test_visitors_see_it_in_their_size_and_the_drawing_elsewhere(place, at_picture):
    upload(*at_picture, image())

    home = Visitor(place).open("/")
    shown = home.soup.find("img", alt="A teal wall")
    urls = [part.split()[0] for part in shown["srcset"].split(",")]
    files = [Visitor(place).open(url) for url in (*urls, shown["src"])]

    assert len(urls) == 3
    assert (shown["width"], shown["height"]) == ("960", "640")
    assert home.soup.find("img", src=lambda src: "lagoon-suite" in src)
    for file in files:
        assert file.status == 200
        assert file.header("Content-Type") == "image/webp"
        assert file.header("Cache-Control") == "public, max-age=31536000, immutable"
        assert faults(file) == []
    assert Visitor(place).open(urls[0].replace("-480", "-481")).status == 404


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def bomb(width, height):
    """A small PNG that says that it is huge."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(b"\x00" * 1_000_000))
    return b"\x89PNG\r\n\x1a\n" + head + rows + chunk(b"IEND", b"")


def moving(kind):
    out = BytesIO()
    frames = [Image.new("RGB", (600, 400), colour) for colour in ("red", "blue")]
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    return out.getvalue()


def gif():
    out = BytesIO()
    Image.new("P", (600, 400)).save(out, "GIF")
    return out.getvalue()


REFUSED = {
    "truncated": (lambda: image()[:-4000], "can’t read"),
    "html named jpg": (lambda: b"<!doctype html><script>alert(1)</script>", "can’t read"),
    "svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "can’t read"),
    "gif": (gif, "can’t read"),
    "a head and nothing else": (lambda: b"GIF89a/*" + image()[20:], "can’t read"),
    "fifty megapixels": (lambda: bomb(10_000, 5_000), "too large"),
    "a gigapixel": (lambda: bomb(60_000, 60_000), "too large"),
    "apng": (lambda: moving("PNG"), "moves"),
    "moving webp": (lambda: moving("WEBP"), "moves"),
    "tiny": (lambda: image((400, 300)), "too small"),
}


@pytest.mark.clause("C14")
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_fit_picture_is_refused_beside_the_field(place, at_picture, case):
    make, said = REFUSED[case]

    page = seen(upload(*at_picture, make(), en_alt="A wall", de_alt="Eine Wand"))

    assert page.status == 422
    assert said in page.said_beside("file")
    assert page.typed_in("de_alt") == "Eine Wand"
    assert kept(place) == {}


@pytest.mark.clause("C14")
def test_a_file_that_is_too_large_is_refused_by_its_length_here_and_sooner_elsewhere(
    place, at_picture
):
    staff, path = at_picture
    huge = upload(staff, path, b"x" * (pictures.MOST_BYTES + 300_000))
    fits = upload(staff, path, image() + b"\x00" * 5_000_000)
    elsewhere = staff.client.post(
        path.replace("picture", "texts"),
        data={"csrf_token": staff.token, "en_name": "x" * 1_100_000},
    )

    assert huge.status_code == 413
    assert "12 MB at most" in words(huge)
    assert fits.status_code == 303
    assert elsewhere.status_code == 413


def test_words_for_who_cannot_see_it_are_asked_for_and_other_texts_stay(place, at_picture):
    bare = upload(*at_picture, image(), en_alt="", de_alt="", fr_alt="", zh_alt="")
    good = upload(*at_picture, image(), en_alt="A wall", de_alt="Eine Wand")

    assert bare.status_code == 422
    assert "say what it shows" in words(bare)
    assert good.status_code == 303
    with place.app_context():
        row = db.session.execute(
            sa.select(OfferRow).where(OfferRow.slug == "reed-room")
        ).scalar_one()
        assert row.texts["de"]["alt"] == "Eine Wand"
        assert row.texts["en"]["name"] == "Reed Room"


@pytest.mark.both_databases
def test_a_picture_that_nothing_shows_any_more_is_deleted(place, enters, clock):
    staff, path = enters(STAFF), f"/owner/offers/{id_of(place, 'reed-room')}/picture"
    other = f"/owner/offers/{id_of(place, 'boathouse')}/picture"
    for address in (path, other):
        upload(staff, address, image())
    first = len(kept(place))
    staff.post(f"{path}/delete")
    shared = len(kept(place))
    upload(staff, other, image((1000, 700)))

    assert (first, shared) == (3, 3)
    assert set(kept(place)) == {480, 960}


def test_readers_upload_nothing(place, enters):
    reader, path = enters(READER), f"/owner/offers/{id_of(place, 'reed-room')}/picture"

    assert upload(reader, path, image()).status_code == 403
    assert kept(place) == {}
