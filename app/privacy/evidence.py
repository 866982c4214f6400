"""The evidence: for each clause its pages, tests, columns and purposes, and every gap.

Nothing here is written down twice: columns and purposes are the data map's, pages are
those of the running site, tests are counted in their files, and what the last green run
found is read from what it left behind.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import Column, MetaData
from werkzeug.routing import Map, Rule

from app.core.database import Base, KeysBase
from app.core.datamap import Personal, Purpose, declaration, tables_in_order
from app.privacy.clauses import CLAUSES, NOT_YET, PURPOSES, Clause
from app.privacy.last_run import LastRun
from app.privacy.retention import RULES

TESTS = Path(__file__).parents[2] / "tests"
KEPT, IN_PART, MISSING = "built", "built in part", "not built yet"

(
    UNDECLARED,
    PURPOSELESS,
    WITHOUT_RULE,
    CLAUSELESS,
    WITHOUT_CONTROL,
    WITHOUT_TEST,
    NOWHERE,
    CODELESS,
    LOST,
    UNKNOWN,
    NOT_BUILT,
) = (
    "a column that declares nothing",
    "a personal column without a purpose",
    "a personal column without a rule when it goes",
    "a purpose without a clause",
    "a clause without a control",
    "a clause without a test",
    "a control that doesn't exist",
    "a clause without code",
    "code that doesn't exist",
    "a clause that nobody promised",
    "a clause that isn't built yet",
)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that the policy promises and the program doesn't show."""

    kind: str
    what: str  # which column, purpose, clause or endpoint


@dataclass(frozen=True, slots=True)
class Line:
    """What there is to show for one clause."""

    clause: Clause
    state: str
    controls: tuple[str, ...]  # addresses
    tests: tuple[str, ...] | None  # node ids; None: neither they nor a run's list are here
    passed: int | None  # how often tests of it passed in the last green run; None without one
    columns: tuple[str, ...]
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """What the evidence is taken from; a test hands in one with a hole."""

    rules: Map
    metadatas: Sequence[MetaData] = (Base.metadata, KeysBase.metadata)
    clauses: Sequence[Clause] = CLAUSES
    not_yet: Sequence[str] = NOT_YET
    purposes: Mapping[Purpose, str] | None = None
    retentions: Iterable[str] = tuple(RULES)

    @property
    def bound(self) -> Mapping[Purpose, str]:
        """By which clause each purpose is bound."""
        return PURPOSES if self.purposes is None else self.purposes

    def columns(self) -> Iterator[tuple[str, Column[object]]]:
        """Yield every column of both databases by "table.column"."""
        for metadata in self.metadatas:
            for table in tables_in_order(metadata):
                for column in table.columns:
                    yield f"{table.name}.{column.name}", column

    def personal(self) -> Iterator[tuple[str, Personal]]:
        """Yield every column that holds personal data, with what it declares."""
        for path, column in self.columns():
            declared = declaration(column)
            if isinstance(declared, Personal):
                yield path, declared


def lines(
    ground: Ground, found: Mapping[str, Sequence[str]] | None = None, run: LastRun | None = None
) -> list[Line]:
    """Return what there is to show, clause by clause.

    `found` is what `find_tests` found; where the tests weren't installed, those are named
    that the last green run had.
    """
    personal = list(ground.personal())
    named = found if found is not None else run.tests if run is not None else None
    return [
        Line(
            clause=clause,
            state=_state(clause, ground),
            controls=tuple(rule.rule for one in clause.controls for rule in _pages(ground, one)),
            tests=tuple(named.get(clause.code, ())) if named is not None else None,
            passed=run.clauses.get(clause.code, 0) if run is not None else None,
            columns=tuple(path for path, declared in personal if declared.clause == clause.code),
            purposes=tuple(
                purpose.value for purpose, code in ground.bound.items() if code == clause.code
            ),
        )
        for clause in ground.clauses
    ]


def gaps(ground: Ground, counted: Counter[str] | None = None) -> list[Gap]:
    """Return every gap; those that are known, of clauses not built yet, among them."""
    return [
        *_gaps_of_columns(ground),
        *_gaps_of_purposes(ground),
        *_gaps_of_clauses(ground, counted),
    ]


def _gaps_of_columns(ground: Ground) -> Iterator[Gap]:
    known = {clause.code for clause in ground.clauses}
    ruled = set(ground.retentions)
    for path, column in ground.columns():
        if declaration(column) is None:
            yield Gap(UNDECLARED, path)
    for path, declared in ground.personal():
        if not declared.purposes:
            yield Gap(PURPOSELESS, path)
        if declared.retention not in ruled:
            yield Gap(WITHOUT_RULE, path)
        if declared.clause not in known:
            yield Gap(UNKNOWN, f"{declared.clause} ({path})")


def _gaps_of_purposes(ground: Ground) -> Iterator[Gap]:
    known = {clause.code for clause in ground.clauses}
    for purpose in Purpose:
        if ground.bound.get(purpose) not in known:
            yield Gap(CLAUSELESS, purpose.value)


def _gaps_of_clauses(ground: Ground, counted: Counter[str] | None) -> Iterator[Gap]:
    for clause in ground.clauses:
        for endpoint in clause.controls:
            if not _pages(ground, endpoint):
                yield Gap(NOWHERE, f"{clause.code}: {endpoint}")
        if clause.code in ground.not_yet:
            yield Gap(NOT_BUILT, clause.code)
            continue
        if not clause.controls:
            yield Gap(WITHOUT_CONTROL, clause.code)
        if not clause.kept_by:
            yield Gap(CODELESS, clause.code)
        for name in clause.kept_by:
            if not _is_code(name):
                yield Gap(LOST, f"{clause.code}: {name}")
        if counted is not None and not counted[clause.code]:
            yield Gap(WITHOUT_TEST, clause.code)
    known = {clause.code for clause in ground.clauses}
    for code in sorted({*(counted or ()), *ground.not_yet} - known):
        yield Gap(UNKNOWN, code)


def _is_code(name: str) -> bool:
    """Tell whether "module" or "module:name" is part of the running program."""
    module, _, inside = name.partition(":")
    loaded = sys.modules.get(module)
    if loaded is None:  # such as a command, which is loaded as it is called
        return not inside and _is_module(module)
    return not inside or hasattr(loaded, inside)


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _state(clause: Clause, ground: Ground) -> str:
    if clause.code in ground.not_yet:
        return MISSING
    return IN_PART if clause.still else KEPT


def _pages(ground: Ground, endpoint: str) -> list[Rule]:
    """Return an endpoint's page, none if it isn't there: of two, the one with less to fill in."""
    found = [
        rule
        for rule in ground.rules.iter_rules()
        if rule.endpoint == endpoint and "GET" in (rule.methods or ())
    ]
    return sorted(found, key=lambda rule: (len(rule.arguments), rule.rule))[:1]


# -- Tests ----------------------------------------------------------------------------------


def find_tests(folder: Path) -> dict[str, list[str]] | None:
    """Return the tests for each clause, as they are marked, by their node ids.

    None where the tests weren't installed. One that runs in several circumstances is one.
    """
    if not folder.is_dir():
        return None
    found: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("test_*.py")):
        place = file.relative_to(folder.parent).as_posix()
        for code, name in _clauses_of(ast.parse(file.read_text(encoding="utf-8"))):
            found.setdefault(code, []).append(f"{place}::{name}")
    return found


def _clauses_of(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each clause of each test, with the test's name."""
    of_module: list[str] = []
    for node in module.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
        ):
            of_module += _marked(node.value)
    for test in ast.walk(module):
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
            # A set: marked twice, by the module and by itself, it is still one test.
            codes = {*of_module, *(c for mark in test.decorator_list for c in _marked(mark))}
            yield from ((code, test.name) for code in sorted(codes))


def _marked(node: ast.expr) -> list[str]:
    """Return the clauses that an expression of marks names."""
    return [
        str(call.args[0].value)
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "pytest.mark.clause"
        and call.args
        and isinstance(call.args[0], ast.Constant)
    ]
