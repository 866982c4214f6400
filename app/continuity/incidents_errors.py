"""Why something about an incident is refused (C15)."""

from app.core.errors import DomainError
from app.core.languages import N_


class Closed(DomainError):
    """What is closed isn't changed."""

    message = N_("This incident is closed. What was done stands as it is.")


class NotInOrder(DomainError):
    """Its times contradict each other."""

    message = N_("It can’t have been noticed before it began, nor after this moment.")


class NothingNamed(DomainError):
    """Nothing says whom it could concern."""

    message = N_("Please choose at least one thing that is concerned.")


class NobodyFound(DomainError):
    """There is nobody of that address or reference."""

    message = N_("We hold nobody with this address or reference.")


class Unexplained(DomainError):
    """A decision without its reason."""

    message = N_("Please say why. The law wants this reason kept, and an authority may ask for it.")


class TooLate(DomainError):
    """A report after its hours, without a reason."""

    message = N_("The hours are over. The law asks for the reasons of the delay: please say them.")


class TellFirst(DomainError):
    """A high risk, and people weren't told."""

    message = N_("The risk is high: people must be told before this can be closed.")


class ReportFirst(DomainError):
    """A risk, and the authority wasn't told."""

    message = N_("There is a risk: please report it to the authority first, and note when.")


class DecideFirst(DomainError):
    """Nobody decided how grave it is."""

    message = N_("Please decide first how grave it is.")


class RehearsalOnly(DomainError):
    """A rehearsal isn't made public."""

    message = N_("This is a rehearsal: it isn’t told to anybody.")
