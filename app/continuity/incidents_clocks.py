"""By when whom the law wants told of an incident: hours of the clock, nights and weekends too.

It is a table for the house's own clocks and no legal advice: an owner elsewhere adds a line.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.continuity.incidents_models import HIGH, NO_RISK, UNDECIDED, Incident
from app.core.languages import N_
from app.policy import facts

AUTHORITY_HOURS = facts.AUTHORITY_WITHIN // timedelta(hours=1)
CHINA_HOURS = 4
CHINA_PEOPLE = 1_000_000
"""From so many people on, a leak counts as relatively significant (《网络安全事件分级指南》)."""

facts.declare("incident_authority", timedelta(hours=AUTHORITY_HOURS))
facts.declare("incident_china", timedelta(hours=CHINA_HOURS))

_EUROPE = frozenset(
    code
    for line in (
        "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS",
        "IT LI LT LU LV MT NL NO PL PT RO SE SI SK",
    )
    for code in line.split()
)

AUTHORITY, CHINA, PEOPLE = "authority", "china", "people"


@dataclass(frozen=True, slots=True)
class BreachLaw:
    """What a country's law asks after an incident. No hours: without undue delay."""

    authority_hours: int | None
    authority_ground: str
    people_ground: str


_GDPR = BreachLaw(AUTHORITY_HOURS, "GDPR, Art. 33(1)", "GDPR, Art. 34(1)")
LAWS = {
    **dict.fromkeys(_EUROPE, _GDPR),
    "GB": BreachLaw(AUTHORITY_HOURS, "UK GDPR, Art. 33(1)", "UK GDPR, Art. 34(1)"),
    "CH": BreachLaw(None, "DSG Art. 24 Abs. 1", "DSG Art. 24 Abs. 4"),
    "CN": BreachLaw(None, "个人信息保护法第57条", "个人信息保护法第57条"),
}
"""By country, ISO 3166-1."""
ELSEWHERE = BreachLaw(
    AUTHORITY_HOURS, N_("our own promise, as in GDPR, Art. 33(1)"), N_("our own promise")
)
CHINA_GROUND = "国家网络安全事件报告管理办法 (2025-11-01) 第4条"


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock: whom to tell, by when, whether it counts here, and when it was done."""

    name: str
    hours: int | None  # None: without undue delay
    due: datetime | None
    ground: str
    applies: bool
    done_at: datetime | None

    def is_late(self, now: datetime) -> bool:
        """Whether its hour went by, or was missed."""
        return self.applies and self.due is not None and (self.done_at or now) > self.due

    def runs(self) -> bool:
        """Whether it counts, and nobody has done it yet."""
        return self.applies and self.done_at is None

    def hours_left(self, now: datetime) -> int:
        """Return the whole hours that are left, below 0 for those that went by."""
        assert self.due is not None
        return (self.due - now) // timedelta(hours=1)


def law_of(country: str) -> BreachLaw:
    """Return what a country's law asks; elsewhere, what the strictest we know does."""
    return LAWS.get(country, ELSEWHERE)


def due(noticed_at: datetime, hours: int) -> datetime:
    """Return the end of so many hours: real ones, whatever the clocks on the wall do."""
    return noticed_at + timedelta(hours=hours)


def at_wall(day: date, hour: time, zone: ZoneInfo) -> datetime:
    """Return the instant of a time on the wall; of an hour that came twice, the first.

    So a clock never starts later than it may have.
    """
    return datetime.combine(day, hour.replace(fold=0), tzinfo=zone).astimezone(ZoneInfo("UTC"))


def clocks(incident: Incident, country: str, *, people: int) -> list[Clock]:
    """Return the clocks of an incident, for a house in a country; `people` are concerned.

    While nobody has decided that there is no risk, the authority's clock counts. Both clocks
    are named everywhere; that of China counts there, from a relatively significant level.
    """
    law = law_of(country)
    heavy = incident.significant or people >= CHINA_PEOPLE
    hours = law.authority_hours
    return [
        Clock(
            AUTHORITY,
            hours,
            due(incident.noticed_at, hours) if hours is not None else None,
            law.authority_ground,
            incident.risk != NO_RISK,
            incident.reported_at,
        ),
        Clock(
            CHINA,
            CHINA_HOURS,
            due(incident.noticed_at, CHINA_HOURS),
            CHINA_GROUND,
            country == "CN" and heavy,
            incident.reported_at,
        ),
        Clock(
            PEOPLE,
            None,
            None,
            law.people_ground,
            incident.risk in (UNDECIDED, HIGH) and people > 0,
            incident.people_at,
        ),
    ]
