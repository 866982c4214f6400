"""What kind of device a visitor has, in three words, and whether it says that it is a robot.

The string that a browser sends about itself tells people apart (versions, models,
builds), so it is looked at here and kept nowhere: not in a row, not in a log, and
not in a cache either. What comes out is one of a few dozen combinations.
"""

from typing import NamedTuple

OTHER = "other"
PHONE, TABLET, DESKTOP = "phone", "tablet", "desktop"

_LONGEST = 400  # characters worth looking at: honest ones have fewer than 300

# In this order: each names the family before it too ("… Chrome/149 Safari/537 Edg/149").
_BROWSERS = (
    ("Edge", ("edg/", "edga/", "edgios/", "edge/")),
    ("Opera", ("opr/", "opera", "opt/", "opx/")),
    ("Samsung Internet", ("samsungbrowser/",)),
    (OTHER, ("ucbrowser", "yabrowser", "qqbrowser", "micromessenger", "huaweibrowser",
             "miuibrowser", "vivaldi", "seamonkey", "msie ", "trident/")),
    ("Firefox", ("firefox/", "fxios/")),
    ("Chrome", ("chrome/", "chromium/", "crios/")),
    ("Safari", ("safari/",)),
)  # fmt: skip
# Likewise: an iPhone is "like Mac OS X", and Android is "Linux; Android".
_SYSTEMS = (
    ("Windows", ("windows",)),
    ("iOS", ("iphone", "ipad", "ipod")),
    ("Android", ("android",)),
    ("ChromeOS", ("; cros ",)),
    ("macOS", ("macintosh", "mac os x")),
    ("Linux", ("linux", "x11")),
)
_TELEVISIONS = ("smart-tv", "smarttv", "googletv", "google tv", "android tv", "appletv", "bravia",
                "hbbtv", "web0s", "crkey", "aftt", "aftm")  # fmt: skip
# What crawlers, archives and the fetchers of previews call themselves. "+http" is how they
# say where to read about them.
_ROBOTS = ("bot", "crawl", "spider", "slurp", "archiver", "heritrix", "+http", "bingpreview",
           "facebookexternalhit", "facebookcatalog", "meta-externalagent", "skypeuripreview",
           "embedly", "iframely", "web preview", "mediapartners-google", "googleother",
           "google-inspectiontool", "feedfetcher", "chrome-lighthouse", "w3c_validator",
           "pingdom")  # fmt: skip


class Agent(NamedTuple):
    """A visitor's equipment, as coarse as it is ever written down."""

    device: str
    browser: str
    system: str


def classify(user_agent: str) -> Agent:
    """Return the families that a `User-Agent` belongs to; "other" for what isn't known."""
    said = user_agent[:_LONGEST].lower()
    return Agent(_device(said), _family(said, _BROWSERS), _family(said, _SYSTEMS))


def is_robot(user_agent: str) -> bool:
    """Tell whether a `User-Agent` says of itself that nobody is looking.

    Only what declares itself counts. A script or a browser without a window may be
    somebody's own way to read, and whoever agreed there is noted like everybody.
    """
    # A maker of telephones is called Cubot.
    said = user_agent[:_LONGEST].lower().replace("cubot", "")
    return said.startswith("whatsapp/") or any(word in said for word in _ROBOTS)


def _family(said: str, families: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    return next((name for name, words in families if any(word in said for word in words)), OTHER)


def _device(said: str) -> str:
    if any(word in said for word in _TELEVISIONS):
        return OTHER
    if any(word in said for word in ("ipad", "tablet;", "kindle", "silk/", "playbook")):
        return TABLET
    if "mobile" in said or any(word in said for word in ("iphone", "ipod", "windows phone")):
        return PHONE
    if "android" in said:
        return TABLET  # phones with Android say "Mobile"
    if any(word in said for word in ("windows", "macintosh", "x11", "; cros ")):
        return DESKTOP
    return OTHER
