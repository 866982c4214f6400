"""Why an upgrade, or the way back from one, was refused or failed."""

from app.core.errors import DomainError
from app.core.languages import N_


class UpgradeRunning(DomainError):
    """Another process upgrades or goes back at this moment."""

    message = N_("An upgrade is under way already. Please wait until it is done.")


class NoSiteYet(DomainError):
    """There are no tables to upgrade."""

    message = N_("There is no site here yet. Make one: flask --app wsgi prepare")


class UpgradeBrokeOff(DomainError):
    """An earlier upgrade neither succeeded nor was it put back."""

    message = N_(
        "An upgrade broke off half-way. Bring back what was before it: "
        "flask --app wsgi system rollback"
    )


class RestoreUnfinished(DomainError):
    """A restore has begun and isn't finished."""

    message = N_("A restore isn’t finished yet. Finish it first: %(command)s")


class BackupFailed(DomainError):
    """No backup could be made, so nothing was upgraded."""

    message = N_("The backup failed (%(why)s), so nothing was upgraded.")


class UpgradeFailed(DomainError):
    """A step failed; both databases are as they were."""

    message = N_(
        "The upgrade failed (%(why)s). Both databases are again as they were before it, and "
        "nothing was lost. Put the former version’s code back to go on with it."
    )


class NotPutBack(DomainError):
    """A step failed, and so did putting the databases back. Nobody is served."""

    message = N_(
        "The upgrade failed (%(why)s), and putting the databases back failed too (%(then)s). "
        "Nobody is served. The backups are %(book)s and %(keys)s. Once the cause is gone, run: "
        "flask --app wsgi system rollback"
    )


class CountersWrong(DomainError):
    """After migrating, a counter and the reservations disagree."""

    message = N_("Counters that disagree with the reservations: %(count)s.")


class FormerCannotHold(DomainError):
    """The data of before is back, but in the present form."""

    message = N_(
        "The data of before the upgrade is back, but in the present version’s form: the former "
        "version can’t hold it (%(why)s), as when somebody was erased since. Go on with the "
        "present version’s code."
    )


class NothingToRollBack(DomainError):
    """There was no upgrade, or it was put back already."""

    message = N_("There is no upgrade to go back from.")


class BackupGone(DomainError):
    """The backup of before the upgrade isn't there any more."""

    message = N_("The backup of before the upgrade, %(name)s, isn’t there any more.")
