"""How a visitor likes pages, as the address says it: language, region, prices, light or dark.

An address needs no cookie and can be read by whoever opens it. What is wished
by one stays in the site's own links (`web.languages`); what isn't a wish of
ours is passed over.
"""

from collections.abc import Container
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import request

from app.core.languages import BY_CODE

SYMBOL, CODE = "symbol", "code"
LIGHT, DARK = "light", "dark"
REGIONS = frozenset(region for language in BY_CODE.values() for region in language.regions)

LANG, REGION, CURRENCY, THEME = "lang", "region", "currency", "theme"
PARAMETERS = (LANG, REGION, CURRENCY, THEME)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody wished for; "" is what they didn't say.

    `currency` is "symbol" or "code", `theme` "light" or "dark", and as the device
    says where it is empty.
    """

    language: str = ""
    region: str = ""
    currency: str = ""
    theme: str = ""


NOTHING = Wishes()


def asked() -> Wishes:
    """Return what the address of the present request wishes for."""
    args = request.args
    if not args:
        return NOTHING
    return Wishes(
        _one_of(args.get(LANG, ""), BY_CODE),
        _one_of(args.get(REGION, ""), REGIONS),
        _one_of(args.get(CURRENCY, ""), (SYMBOL, CODE)),
        _one_of(args.get(THEME, ""), (LIGHT, DARK)),
    )


def readdressed(address: str, said: dict[str, str], drop: tuple[str, ...] = PARAMETERS) -> str:
    """Return a local address with `said` in its query, in place of what `drop` names."""
    parts = urlsplit(address)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in drop]
    return urlunsplit(parts._replace(query=urlencode([*kept, *said.items()])))


def parameters(wishes: Wishes) -> dict[str, str]:
    """Return what an address must say for these wishes; what goes without saying is left out."""
    said = {LANG: wishes.language} if wishes.language else {}
    if wishes.region and wishes.region != BY_CODE[wishes.language].regions[0]:
        said[REGION] = wishes.region
    if wishes.currency == CODE:
        said[CURRENCY] = CODE
    if wishes.theme:
        said[THEME] = wishes.theme
    return said


def _one_of(value: str, known: Container[str]) -> str:
    return value if value in known else ""
