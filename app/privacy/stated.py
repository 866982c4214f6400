"""The periods of this feature that the policy's text states, from the constants of the code."""

from datetime import timedelta

from app.accounts import readings
from app.core.tidying import JOB_KEPT
from app.guestbook.surveys import ANSWERED_FOR
from app.guestbook.wishes import WISH_DAYS
from app.policy import facts
from app.policy.facts import Months
from app.privacy.retention import (
    EXPORT_KEPT,
    HANDOVER_KEPT,
    INACTIVE_MONTHS,
    INACTIVE_WARNING,
    RIGHTS_YEARS,
)
from app.privacy.subjects import KEY_LIFE
from app.privacy.terms import UNPAID_KEPT

facts.declare("unpaid_kept", UNPAID_KEPT)
facts.declare("inactive_after", Months(INACTIVE_MONTHS))
facts.declare("inactive_warning", INACTIVE_WARNING)
facts.declare("house_kept", Months(readings.KEPT_MONTHS))
facts.declare("export_kept", EXPORT_KEPT)
facts.declare("controller_package_kept", HANDOVER_KEPT)
facts.declare("data_key_life", KEY_LIFE)
facts.declare("rights_kept", Months(12 * RIGHTS_YEARS))
facts.declare("job_kept", JOB_KEPT)
facts.declare("wish_kept", timedelta(days=WISH_DAYS))
facts.declare("survey_life", ANSWERED_FOR)
