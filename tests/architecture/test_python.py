"""Every file can be read in one go: it says what it is, and stays short."""

import ast

import pytest

from tests.architecture.source import ROOT, sources

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
