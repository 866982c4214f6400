"""Every file can be read in one go: it says what it is, and stays short."""

import ast
import re
from collections import Counter

import pytest

from tests.architecture.source import ROOT, sources, templates

LINES_OF_A_FUNCTION = 60
LINES_OF_A_FILE = 400
LINES_OF_A_TEST_FILE = 600  # a list of cases, read by its names


def test_every_module_says_what_it_is():
    wrong = [
        source.name
        for source in sources("app", "tests")
        if source.lines and not ast.get_docstring(source.tree)
    ]

    assert not wrong, "\n".join(wrong)


def public(body, around=""):
    """Yield what others may call of a module, and of its classes: (node, its name)."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node, around + node.name
            # What a protocol asks for is said by its names and types.
            if isinstance(node, ast.ClassDef) and "Protocol" not in map(ast.unparse, node.bases):
                yield from public(node.body, f"{node.name}.")


def test_everything_that_others_call_says_what_it_does():
    wrong = [
        f"{source.at(node)}: {name}"
        for source in sources("app")
        for node, name in public(source.tree.body)
        if not ast.get_docstring(node)
    ]

    assert not wrong, "\n".join(wrong)


# They tell tests, and whoever wonders, what has registered itself.
ASKED_BY_TESTS = {"recurring"}


def names_in(node):
    """Return the names that a piece of code uses; an import alone is no use, unless it renames."""
    if isinstance(node, ast.Name | ast.Attribute):
        return [node.id if isinstance(node, ast.Name) else node.attr]
    return [node.name] if isinstance(node, ast.alias) and node.asname else []


def test_nothing_is_there_for_tests_alone():
    # What registers itself by a decorator is called by whoever it registered with.
    said = Counter(
        name
        for source in sources("app", "migrations")
        for node in ast.walk(source.tree)
        for name in names_in(node)
    )
    elsewhere = "\n".join(path.read_text() for path in (*templates(), ROOT / "wsgi.py"))
    words = set(re.findall(r"\w+", elsewhere))

    unused = {
        node.name: source.at(node)
        for source in sources("app")
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.decorator_list
        and not said[node.name]
        and node.name not in words
    }

    assert unused.keys() - ASKED_BY_TESTS == set(), unused


def test_functions_fit_on_a_screen():
    wrong = []

    for source in sources("app", "tests"):
        for function in source.functions():
            length = (function.end_lineno or 0) - function.lineno + 1
            if length > LINES_OF_A_FUNCTION:
                wrong.append(f"{source.at(function)}: {function.name} has {length} lines")

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("pattern", "limit"),
    [
        ("app/**/*.py", LINES_OF_A_FILE),
        ("templates/**/*", LINES_OF_A_FILE),
        ("static/css/**/*", LINES_OF_A_FILE),
        ("static/js/**/*", LINES_OF_A_FILE),
        ("tests/**/*.py", LINES_OF_A_TEST_FILE),
    ],
)
def test_files_are_no_longer_than_a_few_screens(pattern, limit):
    files = [path for path in ROOT.glob(pattern) if path.is_file()]
    lengths = {path: path.read_bytes().count(b"\n") for path in files}

    wrong = [
        f"{path.relative_to(ROOT)}: {length} lines"
        for path, length in lengths.items()
        if length > limit
    ]

    assert files
    assert not wrong, "\n".join(wrong)


def test_columns_declare_what_they_hold():
    # D1: plain(), whose(), kept() and sealed() are the only ways to a column.
    wrong = []

    for source in sources("app"):
        if source.name == "app/core/database.py":
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func).split(".")[-1]
                if called in ("mapped_column", "Column"):
                    wrong.append(f"{source.at(node)}: {called}(…) declares nothing")

    assert not wrong, "\n".join(wrong)


def test_whoever_catches_everything_says_why():
    wrong = [
        source.at(node)
        for source in sources("app")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and "#" not in source.lines[node.lineno - 1] + source.lines[node.lineno]
    ]

    assert not wrong, "\n".join(wrong)
