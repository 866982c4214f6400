"""How the rare workflows stand, a line each, for the page that links to them."""

from datetime import datetime

from app.booking.wording import long_day
from app.continuity import closing, controller
from app.continuity.closing_models import DONE, RUNNING, STOPPED
from app.core.database import db
from app.core.languages import gettext, ngettext
from app.owner import requests
from app.owner.promises import says
from app.policy.documents import COMING, standings
from app.policy.models import DOCUMENTS


def _closing(now: datetime) -> str:
    plan = closing.current()
    if plan is None or plan.state == STOPPED:
        return ""
    if plan.state == DONE:
        return gettext("Closed; the last day was %(day)s.", day=long_day(plan.last_day))
    if plan.state == RUNNING:
        return gettext("Under way; the last day: %(day)s.", day=long_day(plan.last_day))
    return gettext("Planned: the last day is %(day)s.", day=long_day(plan.last_day))


def _controller(now: datetime) -> str:
    change = controller.live()
    return gettext("Under way: %(name)s takes over.", name=change.name) if change else ""


def _versions(now: datetime) -> str:
    coming = [one for name in DOCUMENTS for one in standings(name, now=now) if one.state == COMING]
    if not coming:
        return ""
    first = min(one.effective_at for one in coming)
    return gettext("A new version comes on %(day)s.", day=long_day(first.date()))


def _requests(now: datetime) -> str:
    count = db.session.scalar(requests.open_count()) or 0
    if not count:
        return ""
    return ngettext("%(num)d waits for an answer.", "%(num)d wait for an answer.", count)


says("owner.closing", _closing)
says("owner.controller", _controller)
says("owner.versions", _versions)
says("owner.requests", _requests)
