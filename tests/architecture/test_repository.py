"""The repository works anywhere: nothing in it names the machine it was written on."""

import re

from tests.architecture.source import ROOT, committed

# Written in pieces, so that this file does not name them either.
HOSTS = ("pypi" + ".org", "python" + "hosted.org", "registry.npmjs" + ".org", "deb.debian" + ".org")
HOME = re.compile(r"/(?:home|Users)/[a-z][\w.-]*/|(?<![\w.~])/(?:root)/")


def test_no_file_names_a_place_on_this_machine_or_a_package_registry():
    own = (f"{ROOT}/", *HOSTS)
    wrong = []

    for path in committed():
        text = path.read_bytes().decode(errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if HOME.search(line) or any(word in line for word in own):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")

    assert not wrong, "\n".join(wrong)
