"""What the law of a place asks of its papers, and until when a booking can be disputed.

Years are counted from the end of the calendar year, as the tax laws do. It is a table for
the house's own calendar and no legal advice: an owner elsewhere adds a line.
"""

from dataclasses import dataclass
from datetime import date

from app.core.languages import N_


@dataclass(frozen=True, slots=True)
class Law:
    """How long a country's law has a trader keep papers, and how long claims live."""

    papers_years: int
    papers_ground: str  # where it says so, as the country cites it
    claims_years: int
    claims_ground: str


LAWS = {
    "DE": Law(8, "AO § 147 (3), UStG § 14b (1)", 3, "BGB §§ 195, 199"),
    "AT": Law(7, "BAO § 132 (1)", 3, "ABGB § 1489"),
    "CH": Law(10, "OR Art. 958f", 5, "OR Art. 128"),
    "FR": Law(10, "Code de commerce, art. L123-22", 5, "Code civil, art. 2224"),
    "GB": Law(6, "VATA 1994, Sch. 11 para. 6", 6, "Limitation Act 1980, s. 5"),
    "CN": Law(30, "会计档案管理办法, 附表一", 3, "民法典第188条"),
}
"""By country, ISO 3166-1."""

ELSEWHERE = Law(10, N_("the law on trade and taxes"), 3, N_("the law on claims"))


def law_of(country: str) -> Law:
    """Return what a country's law asks; where nobody has looked it up, what is long enough."""
    return LAWS.get(country, ELSEWHERE)


def papers_until(on: date, country: str) -> date:
    """Return the first day on which nobody asks any more for a paper of that day."""
    return date(on.year + law_of(country).papers_years + 1, 1, 1)


def claims_until(ended: date, country: str) -> date:
    """Return the first day on which nobody can have a claim from a booking that ended then."""
    return date(ended.year + law_of(country).claims_years + 1, 1, 1)
