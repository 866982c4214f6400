"""Reviews in words, and a gentle look at what somebody might regret to have said to everybody."""

import re
from typing import Final

from app.core.languages import N_, gettext
from app.guestbook.reviews_models import DECLINED, DRAFT, SHOWN, WAITING, WITHDRAWN

_STATES: Final = {
    DRAFT: N_("Not shown. Nobody reads it until you say so."),
    WAITING: N_("You agreed that it be shown. We look at it first; until then nobody else reads."),
    SHOWN: N_("Shown to everybody, exactly as you agreed."),
    DECLINED: N_("Not shown. We declined it."),
    WITHDRAWN: N_("Not shown. You took it back."),
}

_TOPICS: Final = {
    N_("health"): (
        r"\b(ill|illness|disease|cancer|diabet\w*|depress\w*|pregnan\w*|disab\w*|allerg\w*|"
        r"medic\w*|surgery|therap\w*|wheelchair|krank\w*|krebs|schwanger\w*|behinder\w*|"
        r"rollstuhl|malad\w*|handicap\w*|enceinte|dépress\w*|medikament\w*|médicament\w*)\b|"
        r"病|癌|怀孕|残疾|过敏|抑郁|手术|轮椅"
    ),
    N_("religion or what you believe in"): (
        r"\b(church|mosque|synagogue|christian\w*|muslim\w*|jewish|buddhis\w*|atheis\w*|"
        r"pray\w*|kirche|moschee|synagoge|christ\w*|jüdisch\w*|gebet\w*|église|mosquée|"
        r"chrétien\w*|musulman\w*|juif|juive|prière\w*)\b|"
        r"教堂|清真寺|基督|穆斯林|佛教|祈祷"
    ),
    N_("politics or a trade union"): (
        r"\b(politi\w*|trade union|strike|voted|partei|gewerkschaft\w*|streik\w*|"
        r"syndicat\w*|grève)\b|政治|政党|工会|罢工"
    ),
    N_("whom you love"): (
        r"\b(gay|lesbian\w*|bisexual\w*|transgender|queer|schwul\w*|lesbisch\w*|"
        r"homosexu\w*|lesbienne\w*)\b|同性恋|双性恋|跨性别"
    ),
    N_("how somebody can be reached"): r"\S+@\S+\.\w+|(?<!\d)\+?\d[\d ()/-]{7,}\d",
}
_FOUND: Final = [(topic, re.compile(pattern, re.IGNORECASE)) for topic, pattern in _TOPICS.items()]


def state_word(state: str) -> str:
    """Return how a review stands, to its guest."""
    return gettext(_STATES[state])


def delicate(text: str) -> list[str]:
    """Return what a text may tell of somebody that isn't everybody's to know.

    Words only: it is asked about once more, never refused for it.
    """
    return [gettext(topic) for topic, pattern in _FOUND if pattern.search(text)]
