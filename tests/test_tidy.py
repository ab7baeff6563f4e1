"""Style as a unit test.

A rule is a function from a file's text to the lines that break it. Each rule carries a snippet that breaks it
and one that only looks like it, so that a rule gone blind is noticed too.
"""

import ast
import gc
import io
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/steelyard"
SQL = PACKAGE / "storage/sql"
FACES = ("app.py", "api/", "web/", "cli/")  # what may read the clock and write to the screen

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70

ROOT_FILES = {
    ".ci",
    ".gitignore",
    ".squawk.toml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "benchmarks",
    "deploy",
    "docs",
    "pyproject.toml",
    "requirements",
    "scripts",
    "src",
    "tests",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the house: where it holds, the lines that break it, one example of each."""

    name: str
    files: str  # a glob below the project's root
    find: Callable[[str], list[int]]
    broken: str
    sound: str
    except_in: tuple[str, ...] = ()  # starts of paths below src/steelyard

    def paths(self) -> Iterator[Path]:
        for path in sorted(ROOT.glob(self.files)):
            inside = path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else ""
            if not (self.except_in and inside.startswith(self.except_in)):
                yield path


# ── Size ────────────────────────────────────────────────────────────────────────────────────────────────


def lines_over_the_limit(source: str) -> list[int]:
    count = len(source.splitlines())
    return [count] if count > MAX_FILE_LINES else []


def long_functions(source: str) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
    ]


# ── Calls and handlers ──────────────────────────────────────────────────────────────────────────────────


def calls_of(*names: str) -> Callable[[str], list[int]]:
    """Find calls of functions whose dotted name ends in one of `names`."""

    def find(source: str) -> list[int]:
        calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
        return [call.lineno for call in calls if f".{ast.unparse(call.func)}".endswith(suffixes)]

    suffixes = tuple(f".{name}" for name in names)
    return find


def catch_all_handlers(source: str) -> list[int]:
    """Find handlers of everything; one that cleans up and raises again lets everything pass."""
    handlers = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ExceptHandler))
    return [
        handler.lineno
        for handler in handlers
        if handler.type is None or re.search(r"\b(Base)?Exception\b", ast.unparse(handler.type))
        if ast.unparse(handler.body[-1]) != "raise"
    ]


# ── SQL in Python ───────────────────────────────────────────────────────────────────────────────────────

# Whole statements, in lower or upper case: "Select an account" and "call the desk" are prose.
STATEMENT = re.compile(
    r"""\s*(?:
        select\s | insert\s+into\s | update\s+\S+\s+set\s | delete\s+from\s | merge\s+into\s
        | with\s+(?:recursive\s+)?\w+\s+as\s | call\s+[\w.]+\( | copy\s+\S+.*\s(?:stdin|stdout)\b
        | (?:create|alter|drop)\s+(?:or\s+replace\s+)?
          (?:table|schema|index|view|function|procedure|role|database)\s
    )""",
    re.VERBOSE | re.DOTALL,
)
COMMAND = re.compile(
    r"\s*(?:set\s+(?:local|session|role|search_path)\b|grant\s+\S+.*\sto\s|alter\s+system\s)"
)


def is_sql(text: str, *patterns: re.Pattern[str]) -> bool:
    shouted = re.match(r"\s*[A-Z]{3,}\s", text)
    return any(pattern.match(text.lower() if shouted else text) for pattern in patterns)


def docstrings(tree: ast.AST) -> set[ast.expr]:
    """Give the string nodes that are docstrings: prose, whatever they quote."""
    return {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }


def sql_statements(source: str) -> list[int]:
    tree = ast.parse(source)
    prose = docstrings(tree)
    strings = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in prose)
    return [node.lineno for node in strings if isinstance(node.value, str) and is_sql(node.value, STATEMENT)]


def composed_text(node: ast.AST) -> str:
    """Give the text of an f-string, a concatenation, a % or a .format; "" for anything else."""
    match node:
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "?" for part in parts)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Add() | ast.Mod()):
            return text
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return text
    return ""


def composed_sql(source: str) -> list[int]:
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.expr))
    return [node.lineno for node in nodes if is_sql(composed_text(node), STATEMENT, COMMAND)]


# ── Comments ────────────────────────────────────────────────────────────────────────────────────────────

SILENCER = re.compile(
    r"#\s*(?:noqa\b(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?|type:\s*ignore(?:\[[\w, -]+\])?)(?P<reason>.*)"
)


def silencers_without_reason(source: str) -> list[int]:
    found = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        silenced = SILENCER.search(token.string) if token.type == tokenize.COMMENT else None
        if silenced and len(re.findall(r"[a-z]{2,}", silenced["reason"])) < 2:
            found.append(token.start[0])
    return found


# ── SQL files ───────────────────────────────────────────────────────────────────────────────────────────


def without_comments(sql: str) -> str:
    blanked = re.sub(r"/\*.*?\*/", lambda block: "\n" * block[0].count("\n"), sql, flags=re.DOTALL)
    return re.sub(r"--.*", "", blanked)


def lines_matching(pattern: str) -> Callable[[str], list[int]]:
    """Find the lines of SQL, comments aside, that match."""

    def find(sql: str) -> list[int]:
        lines = enumerate(without_comments(sql).splitlines(), start=1)
        return [number for number, line in lines if re.search(pattern, line, re.IGNORECASE)]

    return find


ESTIMATE = r"(?:value_at_risk|expected_shortfall)"  # a statistic, in money or not, stays the float it is
AMOUNT = r"(?:price|amount|value|costs?|fees?|cash|balance|quantity|purchases|sales)(?:_[a-z]{3})?"
MONEY = rf"(?!{ESTIMATE})\w*{AMOUNT}"
FLOAT = r"(?:double\s+precision|float[48]?|real)"
CLOCK = (
    r"\b(?:(?:now|(?:clock|statement|transaction)_timestamp|timeofday)\s*\(|current_(?:date|time)|localtime)"
)

RULES = (
    Rule(
        name="a file has at most 500 lines",
        files="src/**/*.py",
        find=lines_over_the_limit,
        broken="x = 1\n" * 501,
        sound="x = 1\n" * 500,
    ),
    Rule(
        name="a function has at most 70 lines",
        files="src/**/*.py",
        find=long_functions,
        broken="async def f():\n" + "    x = 1\n" * 70,
        sound="def f():\n" + "    x = 1\n" * 69,
    ),
    Rule(
        name="the clock is passed in",
        files="src/**/*.py",
        find=calls_of("datetime.now", "datetime.utcnow", "date.today", "datetime.today", "time.time"),
        broken="import datetime\ntoday = datetime.date.today()",
        sound="now = clock()\nlater = time.monotonic()",
        except_in=FACES,
    ),
    Rule(
        name="only the faces print",
        files="src/**/*.py",
        find=calls_of("print"),
        broken="print('done')",
        sound="pprint_settings()  # print(",
        except_in=FACES,
    ),
    Rule(
        name="no handler catches everything",
        files="src/**/*.py",
        find=catch_all_handlers,
        broken="try:\n    f()\nexcept (OSError, Exception):\n    pass",
        sound="try:\n    f()\nexcept ExceptionGroup:\n    pass\nexcept Exception:\n    close()\n    raise",
    ),
    Rule(
        name="SQL lives in .sql files",
        files="src/**/*.py",
        find=sql_statements,
        broken="db.execute(text('select 1 from steelyard.tenants'))",
        sound="'''select is a word here'''\nhelp = 'Select an account from the list.'",
        except_in=("storage/queries.py",),
    ),
    Rule(
        name="SQL is never put together from strings",
        files="src/**/*.py",
        find=composed_sql,
        broken="db.execute(f'set role {name}')",
        sound="message = f'set {name} to a whole number'",
    ),
    Rule(
        name="what silences a tool says why",
        files="[stb]*/**/*.py",
        find=silencers_without_reason,
        broken="x = f()  # noqa: S603\ny = g()  # type: ignore[no-any-return]  # why",
        sound="x = f()  # noqa: S603, S607  fixed arguments, no shell",
    ),
    Rule(
        name="money is never a float column",
        files="src/steelyard/storage/sql/**/*.sql",
        find=lines_matching(rf"^\s*(?:add\s+column\s+)?{MONEY}\s+{FLOAT}\b"),
        broken="create table t (\n    fee_usd float8 not null\n);",
        sound="    market_value numeric(23, 8), -- market_value float8\n    value_at_risk_amount float8",
    ),
    Rule(
        name="procedures have no clock",
        files="src/steelyard/storage/sql/procedures/*.sql",
        find=lines_matching(CLOCK),
        broken="where price_date <= current_date",
        sound="where known() -- now()\n",
    ),
)


@pytest.fixture(autouse=True, scope="module")
def nothing_left_to_collect() -> None:
    """Collect what other tests left: a task logs its lost error then, and writes a traceback, which parses.

    CPython 3.11 does not survive that in the middle of `ast.parse` (python/cpython#106905).
    """
    gc.collect()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_project_keeps(rule: Rule) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in rule.paths()
        for line in rule.find(path.read_text(encoding="utf-8"))
    ]

    assert not found, f"{rule.name}: " + ", ".join(found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_breach_is_noticed(rule: Rule) -> None:
    assert rule.find(rule.broken)
    assert not rule.find(rule.sound)


def test_every_rule_reads_files() -> None:
    blind = [rule.name for rule in RULES if not list(rule.paths())]

    assert not blind, "these rules look where nothing is"


# ── Named queries ───────────────────────────────────────────────────────────────────────────────────────


def unused_queries(sql_files: list[str], python_files: list[str]) -> set[str]:
    """Give the queries that no Python file names, as a string, an f-string or an attribute."""
    names = {name for sql in sql_files for name in re.findall(r"^-- name: (\w+)", sql, re.MULTILINE)}
    said, begun = set(), []
    for node in (node for source in python_files for node in ast.walk(ast.parse(source))):
        match node:
            case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
                begun.append(text)
            case ast.Constant(value=str(text)) | ast.Attribute(attr=text):
                said.add(text)
    return {name for name in names - said if not name.startswith(tuple(begun))}


def test_every_named_query_is_used() -> None:
    files = [*SQL.glob("queries/*.sql"), PACKAGE / "brokers/paper.sql"]
    queries = [path.read_text(encoding="utf-8") for path in files]
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]

    assert queries
    assert unused_queries(queries, sources) == set()


def test_an_unused_query_is_noticed() -> None:
    sql = "-- name: get_assets\nselect 1;\n-- name: get_nobody\nselect 2;"

    assert unused_queries([sql], ["run('get_assets')  # get_nobody"]) == {"get_nobody"}
    assert unused_queries([sql], ["run(f'get_{noun}')"]) == set()


# ── The root ────────────────────────────────────────────────────────────────────────────────────────────


def tracked_root_entries() -> set[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {line.split("/", 1)[0] for line in listed.stdout.splitlines()}


def strays(entries: set[str]) -> set[str]:
    return entries - ROOT_FILES


def test_the_root_holds_only_what_belongs_there() -> None:
    assert strays(tracked_root_entries()) == set()


def test_a_stray_file_at_the_root_is_noticed() -> None:
    assert strays({"README.md", "STATUS.md"}) == {"STATUS.md"}
