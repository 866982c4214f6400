"""What the owner says of an incident."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from wtforms.fields.choices import SelectChoice

from app.continuity.incidents_clocks import at_wall
from app.continuity.incidents_models import HIGH, KINDS, NO_RISK, RISK
from app.continuity.incidents_risk import WORDS
from app.continuity.incidents_words import HAPPENED
from app.core.languages import lazy_gettext as _l
from app.web.choice_fields import ChoiceField, TicksField
from app.web.clock_field import ClockField
from app.web.fields import CheckboxField, DateField, LinesField, TextField
from app.web.forms import Form


class RecordForm(Form):
    """What happened, when, and what is concerned."""

    kind = ChoiceField(
        _l("What happened?"),
        required=_l("Please choose what happened."),
        choices=[SelectChoice(kind, _l(HAPPENED[kind])) for kind in KINDS],
        why=_l("It says whether somebody saw values, or only has them sealed."),
        collects=(),
    )
    noticed_on = DateField(
        _l("Noticed on"),
        required=_l("Please enter the day on which it was noticed."),
        why=_l("The law’s hours begin then."),
        collects=(),
    )
    noticed_at = ClockField(
        _l("At"),
        required=_l("Please enter the time."),
        why=_l("By the clock of the place, as 14:30."),
        collects=(),
    )
    began_on = DateField(
        _l("Happened from about"),
        required=_l("Please enter from when it happened, or may have."),
        why=_l("Rather too early than too late."),
        collects=(),
    )
    ended_on = DateField(
        _l("Until about"),
        why=_l("Left empty: until it was noticed."),
        collects=(),
    )
    tables = TicksField(
        _l("What lay there"),
        why=_l("Everybody who has something there is listed."),
        collects=(),
    )
    kinds = TicksField(
        _l("Only these kinds of data"),
        why=_l("Left empty: all kinds in what is ticked above. Without that: these, anywhere."),
        collects=(),
    )
    accounts = TicksField(
        _l("Accounts of the house, or devices signed in with them"),
        why=_l("Everybody is listed whose details were opened with them in that time."),
        collects=(),
    )
    backups = TicksField(
        _l("Backups"),
        why=_l("Everybody is listed who was in the book when it was made."),
        collects=(),
    )
    mailbox = CheckboxField(
        _l("The mailbox that the house’s mails are sent from"),
        why=_l("Everybody is listed whom mails went to in that time."),
        collects=(),
    )
    keys = CheckboxField(
        _l("The database of keys, or a backup of it, was taken too"),
        why=_l("Without it, and the master key, sealed values can’t be read."),
        collects=(),
    )
    master = CheckboxField(
        _l("The master key (the server’s settings) was taken too"),
        why=_l("Without it no backup opens. If in doubt, tick it."),
        collects=(),
    )
    who = TextField(
        _l("A guest’s account: e-mail address or reservation"),
        most=254,
        why=_l("If a stranger was in it. All that is held of this guest is then concerned."),
        collects=(),
        autocomplete="off",
    )
    note = LinesField(
        _l("A note for you"),
        most=4000,
        why=_l("It is sealed, and nobody is sent it. Names aren’t needed in it."),
        collects=(),
        autocomplete="off",
    )
    rehearsal = CheckboxField(
        _l("This is a rehearsal"),
        why=_l("Everything runs as in earnest; nothing is sent and nobody is told."),
        collects=(),
    )

    def offer(
        self,
        *,
        tables: Iterable[tuple[str, str]],
        kinds: Iterable[tuple[str, str]],
        accounts: Iterable[tuple[str, str]],
        backups: Iterable[tuple[str, str]],
    ) -> None:
        """Say what there is to be ticked."""
        for name, options in (
            ("tables", tables),
            ("kinds", kinds),
            ("accounts", accounts),
            ("backups", backups),
        ):
            self[name].choices = list(options)

    def span(self, zone: ZoneInfo, *, now: datetime) -> Sequence[datetime]:
        """Return when it was noticed, began and ended."""
        noticed, began = self.noticed_on.data, self.began_on.data
        assert noticed is not None
        assert began is not None
        noticed_at = at_wall(noticed, self.noticed_at.time(), zone)
        ended: date | None = self.ended_on.data
        ended_at = at_wall(ended, time(23, 59, 59), zone) if ended else noticed_at
        return noticed_at, at_wall(began, time(), zone), min(ended_at, now)


class AddForm(Form):
    """Put somebody on the list."""

    who = TextField(
        _l("E-mail address, or reservation"),
        required=_l("Please enter an address or a reference."),
        most=254,
        why=_l("Of somebody whom the list lacks."),
        collects=(),
        autocomplete="off",
    )
    reason = TextField(
        _l("Why"),
        required=_l("Please say why."),
        most=400,
        why=_l("It is kept, sealed, with the list."),
        collects=(),
        autocomplete="off",
    )


class LeaveOutForm(Form):
    """Take somebody off the list."""

    reason = TextField(
        _l("Why this person isn’t concerned"),
        required=_l("Please say why."),
        most=400,
        why=_l("It is kept, sealed, with the list."),
        collects=(),
        autocomplete="off",
    )


class RiskForm(Form):
    """Decide how grave it is."""

    on_purpose = CheckboxField(
        _l("Somebody meant to get the data"),
        why=_l("Who meant it may use them."),
        collects=(),
    )
    significant = CheckboxField(
        _l("It is of weight: the service stands still, or many are concerned"),
        why=_l("In China such incidents are reported within four hours."),
        collects=(),
    )
    risk = ChoiceField(
        _l("For people it means"),
        required=_l("Please decide."),
        choices=[SelectChoice(risk, _l(WORDS[risk])) for risk in (NO_RISK, RISK, HIGH)],
        why=_l("The authority is told unless no risk is likely; people, if it is high."),
        collects=(),
    )
    why = LinesField(
        _l("Why"),
        most=2000,
        why=_l("Needed for “no risk”, and where you decide otherwise than proposed. It is kept."),
        collects=(),
        autocomplete="off",
    )


class LetterForm(Form):
    """The letter in one language."""

    what = LinesField(
        _l("What happened, in plain words"),
        required=_l("Please say what happened."),
        most=2000,
        why=_l("The same for everybody; which of their data, the program adds for each."),
        collects=(),
        autocomplete="off",
    )
    effects = LinesField(
        _l("What could come of it"),
        most=2000,
        why=_l("The law wants it in the letter."),
        collects=(),
        autocomplete="off",
    )
    measures = LinesField(
        _l("What you have done"),
        most=2000,
        why=_l("The law wants it in the letter."),
        collects=(),
        autocomplete="off",
    )
    advice = LinesField(
        _l("What people can do"),
        most=2000,
        why=_l("Such as: change your password, be wary of mails that ask for money."),
        collects=(),
        autocomplete="off",
    )


class SendForm(Form):
    """Send the letters."""

    typed = TextField(
        _l("Type the words"),
        required=_l("Please type the words."),
        most=60,
        why=_l("So that nobody is told by a slip of the finger."),
        collects=(),
        autocomplete="off",
    )


class ReportedForm(Form):
    """Note the report to the authority."""

    on = DateField(
        _l("Reported on"),
        required=_l("Please enter the day."),
        why=_l("So that it is proved that you did, and when."),
        collects=(),
    )
    at = ClockField(
        _l("At"),
        required=_l("Please enter the time."),
        why=_l("By the clock of the place, as 14:30."),
        collects=(),
    )
    late_why = LinesField(
        _l("Reasons for the delay"),
        most=2000,
        why=_l("Only if the hours were over. The law wants them in the report."),
        collects=(),
        autocomplete="off",
    )


class PublishForm(Form):
    """Tell everybody."""

    sure = CheckboxField(
        _l("Yes, show it on every page"),
        required=_l("Please tick this box if you mean it."),
        why=_l("So that nothing is made public by a slip of the finger."),
        collects=(),
    )


class CloseForm(Form):
    """Close it."""

    remedy = LinesField(
        _l("What came of it, and what was changed so that it doesn’t happen again"),
        required=_l("Please say what was done."),
        most=4000,
        why=_l("It stays on record, as the law wants it. Please name nobody."),
        collects=(),
        autocomplete="off",
    )
