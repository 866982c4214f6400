"""The components that the site runs on, as a list and as a CycloneDX 1.6 SBOM.

Read from what is installed, not from what was asked for: ECMA-424 (CycloneDX), and
package URLs as of purl-spec for PyPI.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING
from uuid import uuid4

from app.core.version import VERSION

if TYPE_CHECKING:
    from cyclonedx.model.component import Component as BomComponent

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")
_CLASSIFIER = "License :: OSI Approved :: "
_LONGEST_LICENCE = 60  # characters; some packages put the whole text there


@dataclass(frozen=True, slots=True)
class Component:
    """One installed package."""

    name: str  # as its makers write it
    key: str  # normalised as PyPI does
    version: str
    licences: tuple[str, ...]
    needs: tuple[str, ...]  # keys of the packages that it names, installed or not
    address: str  # of the project; empty where none is named

    @property
    def purl(self) -> str:
        """Its package URL."""
        return f"pkg:pypi/{self.key}@{self.version}"


def normalised(name: str) -> str:
    """Return a package's name as PyPI compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache  # what is installed changes only while nothing runs
def components() -> tuple[Component, ...]:
    """Return every installed package once, by name."""
    found: dict[str, Component] = {}
    for one in metadata.distributions():
        key = normalised(one.name)
        # The first on the path is the one that is imported.
        if key not in found:
            found[key] = Component(
                name=one.name,
                key=key,
                version=one.version,
                licences=_licences(one),
                needs=_needs(one),
                address=_address(one),
            )
    return tuple(found[key] for key in sorted(found))


def _licences(one: metadata.Distribution) -> tuple[str, ...]:
    expression = _told(one, "License-Expression")
    if expression:
        return (expression,)
    free = _told(one, "License")
    if free and "\n" not in free and len(free) <= _LONGEST_LICENCE:
        return (free,)
    classifiers = [str(text) for text in one.metadata.get_all("Classifier") or []]
    return tuple(
        text.removeprefix(_CLASSIFIER) for text in classifiers if text.startswith(_CLASSIFIER)
    )


def _told(one: metadata.Distribution, name: str) -> str:
    """Return the first of what a package says under a name; "" where it says nothing."""
    return str((one.metadata.get_all(name) or [""])[0]).strip()


def _needs(one: metadata.Distribution) -> tuple[str, ...]:
    found = set()
    for line in one.requires or []:
        name = _NAME.match(line)
        if name and "extra ==" not in line:
            found.add(normalised(name[0]))
    return tuple(sorted(found))


def _address(one: metadata.Distribution) -> str:
    page = _told(one, "Home-page")
    urls = [str(line) for line in one.metadata.get_all("Project-URL") or []]
    addresses = [page, *(line.partition(",")[2].strip() for line in urls)]
    return next((found for found in addresses if found.startswith("https://")), "")


def sbom(*, now: datetime) -> str:
    """Return the components as CycloneDX 1.6 in JSON."""
    # Lazily, with what it brings: only this one download needs the library.
    from cyclonedx.model.bom import Bom  # lazily: see above
    from cyclonedx.model.component import Component as BomComponent  # lazily: see above
    from cyclonedx.model.component import ComponentType  # lazily: see above
    from cyclonedx.output.json import JsonV1Dot6  # lazily: see above

    listed = {one.key: _put_into(one) for one in components()}
    site = BomComponent(
        name="reserved", version=VERSION, type=ComponentType.APPLICATION, bom_ref="reserved"
    )
    bom = Bom(components=listed.values(), serial_number=uuid4())
    bom.metadata.component = site
    bom.metadata.timestamp = now
    needed = set()
    for one in components():
        below = [listed[key] for key in one.needs if key in listed and key != one.key]
        needed |= {key for key in one.needs if key != one.key}
        bom.register_dependency(listed[one.key], below)
    # What no other package brought along was installed for the site itself.
    bom.register_dependency(site, [made for key, made in listed.items() if key not in needed])
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _put_into(one: Component) -> "BomComponent":
    # Lazily, as above.
    from cyclonedx.contrib.license.factories import LicenseFactory  # lazily: see above
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri  # lazily: see above
    from cyclonedx.model.component import Component as BomComponent  # lazily: see above
    from packageurl import PackageURL  # lazily: it comes with that library

    factory = LicenseFactory()
    links = (
        [ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(one.address))]
        if one.address
        else []
    )
    return BomComponent(
        name=one.name,
        version=one.version,
        bom_ref=one.purl,
        purl=PackageURL("pypi", name=one.key, version=one.version),
        licenses=[factory.make_from_string(text) for text in one.licences],
        external_references=links,
    )
