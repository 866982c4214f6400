"""The rare workflows that the policy promises, and how each stands now: one line each.

A workflow says itself how it stands (`says`); one that says nothing is only linked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.core.languages import N_, gettext

State = Callable[[datetime], str]
"""How a workflow stands at an instant, in the current language; "" while nothing is under way."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """Something that is promised, and done from a page of its own. Texts are marked by N_."""

    endpoint: str
    clause: str
    title: str
    about: str


WORKFLOWS: Final = (
    Workflow(
        "owner.versions",
        "C25",
        N_("Terms and policy"),
        N_("Write a new version, see what it changes, and have it come on a day."),
    ),
    Workflow(
        "owner.closing",
        "C13",
        N_("Closing down"),
        N_("Plan the last day; everybody is told, refunded, and erased at the end."),
    ),
    Workflow(
        "owner.controller",
        "C24",
        N_("Another takes over"),
        N_("Announce who, let people leave or take along, and hand over who stayed."),
    ),
    Workflow(
        "owner.incidents",
        "C15",
        N_("Incidents"),
        N_("Write down what happened; see who is concerned, and tell them in time."),
    ),
    Workflow(
        "owner.partners",
        "C21",
        N_("Partners"),
        N_("Name who could get something, each for one purpose; guests switch it on."),
    ),
    Workflow(
        "owner.reviews",
        "C23",
        N_("Reviews"),
        N_("See what guests agreed to show, and ask for it; they take it back at any time."),
    ),
    Workflow(
        "owner.feeds",
        "C22",
        N_("Calendars"),
        N_("Tell other calendars what is free or taken, and read theirs."),
    ),
    Workflow(
        "owner.requests",
        "C26",
        N_("Requests about data"),
        N_("Answer what people ask about their own data, each by its day."),
    ),
    Workflow(
        "owner.records",
        "C12",
        N_("Records of processing"),
        N_("What an authority asks to see: purposes, people, data, recipients, periods."),
    ),
)

_states: dict[str, State] = {}


def says(endpoint: str, state: State) -> State:
    """Have a workflow's line say how it stands."""
    _states[endpoint] = state
    return state


def states(*, now: datetime) -> Iterator[tuple[Workflow, str]]:
    """Yield every workflow with how it stands, in the current language."""
    quiet = gettext("Nothing under way.")
    for one in WORKFLOWS:
        look = _states.get(one.endpoint)
        yield one, (look(now) or quiet) if look is not None else ""
