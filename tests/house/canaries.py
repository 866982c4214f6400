"""Values that are nowhere else in the world, and every form in which they could lie in a file."""

import base64
from pathlib import Path
from urllib.parse import quote, quote_plus

PERSON = {
    "name": "Kanarie Zwölfelf",
    "email": "kanarie.zwoelf@nest.example",
    "phone": "+4917139202777",
    "title": "Frau Wirklich-Rätin",
    "company": "Zwölfelf Kanariennest KG",
    "wechat_id": "kanarie_nest_77",
}
BILLING = {
    "billing_country": "DE",
    "billing_name": "Buchhaltung Kanariennest",
    "billing_street_address": "Zeisigstieg 7711",
    "billing_postal_code": "18439",
    "billing_city": "Strahlsundkanarie",
}
SHIPPING = {
    "shipping_country": "DE",
    "shipping_name": "Empfang Kanariennest",
    "shipping_street_address": "Stieglitzweg 8822",
    "shipping_postal_code": "18435",
    "shipping_city": "Greifkanarienwald",
}
# What is on every second page of any place isn't a canary.
_COMMON = ("DE", "18439", "18435")
BROWSER = {
    "User-Agent": "KanarienBrowser/7.1 (Nestsystem)",
    "Referer": "http://localhost/?from=kanarienquelle",
    "X-Forwarded-For": "203.0.113.177",
    "Accept-Language": "de-AT,de;q=0.7171",
    "From": "kanarienkopf@nest.example",
    "Cookie": "kanarienkeks=knusper77",
}
PERSONAL = tuple(
    value
    for value in (*PERSON.values(), *BILLING.values(), *SHIPPING.values())
    if value not in _COMMON
)


def forms_of(value: str) -> set[bytes]:
    """Return the bytes of a value in every coding that a program might have written."""
    plain = value.encode()
    wide = value.encode("utf-16-le")
    found = {
        plain,
        plain.lower(),
        plain.upper(),
        wide,
        value.encode("utf-16-be"),
        value.encode("latin-1", "replace"),
        quote(value).encode(),
        quote_plus(value).encode(),
        value.encode("unicode_escape"),
        plain.hex().encode(),
    }
    # Base64 of a text that begins anywhere in what was encoded.
    for one in (plain, wide):
        for shift in range(3):
            coded = base64.b64encode(b"\0" * shift + one)
            found.add(coded[4 if shift else 0 : len(coded) - 4])
    return {one for one in found if len(one) > 5}


def found_in(content: bytes, values: tuple[str, ...] = PERSONAL) -> list[str]:
    """Return which values lie in some bytes, in whatever form."""
    return [value for value in values if any(form in content for form in forms_of(value))]


def found_under(folder: Path, values: tuple[str, ...] = PERSONAL, *, but: str = "") -> list[str]:
    """Return "file: value" for all that lies in the files under a folder."""
    return [
        f"{file.relative_to(folder)}: {value}"
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not (but and file.name.endswith(but))
        for value in found_in(file.read_bytes(), values)
    ]
