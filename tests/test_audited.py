"""Whatever a service changes, the audit hears of: read from the source, so that nobody has to remember it.

A service that opens a session that writes must come to `record_event` by the calls it makes, or stand in NO_EVENT with
a reason; so must one that is given such a session, unless another service calls it: then it is a step of that one.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src/steelyard"
FLOORS = ("services", "identity", "storage")
OPENERS = {"storage.connection.get_write_session", "storage.connection.get_migrator_session"}
WRITERS = ("WriteSession", "MigratorSession")
EVENT = "storage.audit.record_event"

ASKS = "asks a question; what answers it is recorded"
COUNTS = "counts a try; what comes of it is recorded by who asked to count it"
NO_EVENT = {
    "services.approval_proof.ask_about_proposal": ASKS,
    "services.approval_proof.ask_to_approve": ASKS,
    "services.approval_proof.prove": "uses a factor up, as part of an approval that is recorded",
    "services.approval_proof.take": COUNTS,
    "services.acceptance.look_at_link": "reads, acting as whom the link is for",
    "services.audit.ship_heads": "chains events that were recorded, and adds none",
    "services.comparison.compare": "reads what only the owner of the schema may",
    "services.entrance.try_second_factor": COUNTS,
    "services.factors.begin_totp": ASKS,
    "services.factors.get_own_factors": "reads, acting as the user",
    "services.new_passkeys.ask_to_accept": ASKS,
    "services.new_passkeys.ask_to_register": ASKS,
    "services.passkeys.ask_for_second_factor": ASKS,
    "services.passkeys.ask_for_step_up": ASKS,
    "services.passkeys.ask_to_sign_in": ASKS,
    "services.passkeys.take_from_session": COUNTS,
    "services.import_upload.drop_uploads": "forgets what waits; the import of it is recorded",
    "services.import_upload.keep_upload": "keeps a file for an hour; the import of it is recorded",
    "services.idempotency.once": "what is done once is recorded by who does it",
    "services.mapping_proposal.propose_mapping": "reads what only the owner of the schema may",
    "services.provider.begin_accepting": ASKS,
    "services.provider.begin_linking": ASKS,
    "services.provider.begin_sign_in": ASKS,
    "services.provider.begin_step_up": ASKS,
    "services.run_making.market_of_run": "keeps the prices of a run that is being made, which is recorded when it is",
    "services.statement_import.plan_import": "takes back what it does",
    "services.set_up.is_set_up": "reads before anybody can sign in",
    "services.set_up.needs_set_up": "reads before anybody can sign in",
    "services.sign_in.get_second_factors": "reads, acting as the user",
}
"""Public functions that work in a session that writes, and record nothing; each with its reason."""


@dataclass(slots=True)
class Function:
    """A function of the package.

    Attributes:
        name: with its module below steelyard.
        calls: names of what it calls or hands on, as far as the source tells.
        is_given: whether it is given a session that writes.
    """

    name: str
    calls: set[str] = field(default_factory=set)
    is_given: bool = False


def functions_of(sources: Mapping[str, str]) -> dict[str, Function]:
    """Read functions, and the methods of classes, of modules by their name below steelyard."""
    return {
        one.name: one for module, source in sources.items() for one in read_module(module, ast.parse(source))
    }


def read_module(module: str, tree: ast.Module) -> Iterator[Function]:
    imported = dict(names_imported(tree))
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            made = Function(f"{module}.{node.name}")
            names = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
            attributes = {child for child in ast.walk(node) if isinstance(child, ast.Attribute)}
            made.calls = {f"{module}.{name}" for name in names & own} | {
                imported[n] for n in names & imported.keys()
            }
            for name in names & classes.keys():  # what a class of the module does, whoever makes one may do
                methods = {
                    one.name for one in ast.walk(classes[name]) if isinstance(one, ast.AsyncFunctionDef)
                }
                made.calls |= {f"{module}.{method}" for method in methods}
            for one in attributes:
                base = ast.unparse(one.value)
                if base in imported:
                    made.calls.add(f"{imported[base]}.{one.attr}")
                if one.attr in own:
                    made.calls.add(f"{module}.{one.attr}")
            given = [
                ast.unparse(a.annotation) for a in (*node.args.args, *node.args.kwonlyargs) if a.annotation
            ]
            made.is_given = any(is_writer(one) for one in given)
            yield made


def is_writer(annotation: str) -> bool:
    """Whether an argument is a session that writes, and none that reads would do."""
    words = annotation.translate(str.maketrans("\"'|", "   ")).split()
    return bool(set(words) & set(WRITERS)) and "ReadSession" not in words


def names_imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("steelyard."):
            below = node.module.removeprefix("steelyard.")
            for alias in node.names:
                yield alias.asname or alias.name, f"{below}.{alias.name}"


def reached_from(start: str, functions: Mapping[str, Function]) -> set[str]:
    """Everything that a function comes to by calls."""
    seen, waiting = {start}, [start]
    while waiting:
        name = waiting.pop()
        more = functions[name].calls - seen if name in functions else set()
        seen |= more
        waiting += more
    return seen - {start}


def writers(functions: Mapping[str, Function]) -> Iterator[tuple[str, set[str]]]:
    """Public functions of services in which something writes, each with what it comes to."""
    services = {name: one for name, one in functions.items() if name.startswith("services.")}
    steps = set[str]().union(*(one.calls - {name} for name, one in services.items()))
    for name, one in services.items():
        reached = reached_from(name, functions)
        is_public = not name.rpartition(".")[2].startswith("_")
        if is_public and (reached & OPENERS or (one.is_given and name not in steps)):
            yield name, reached


def silent_writers(functions: Mapping[str, Function]) -> set[str]:
    """Those that never come to record an event."""
    return {name for name, reached in writers(functions) if EVENT not in reached}


def package() -> dict[str, str]:
    paths = [path for floor in FLOORS for path in sorted((PACKAGE / floor).glob("*.py"))]
    return {f"{path.parent.name}.{path.stem}": path.read_text(encoding="utf-8") for path in paths}


def test_every_service_that_writes_records_an_event_or_says_why_not() -> None:
    functions = functions_of(package())
    assert len(dict(writers(functions))) > 50
    assert silent_writers(functions) == NO_EVENT.keys()


COMPOSED = {"passkey.enrol", "totp.enrol"}
"""Actions that the source puts together, of a factor and what was done with it."""


def actions_in(source: str) -> set[str]:
    """The actions that a module hands to whatever records them."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    recording = [call for call in calls if "record" in ast.unparse(call.func)]
    texts = {node.value for call in recording for node in ast.walk(call) if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and re.fullmatch(r"[a-z_]+\.[a-z_]+", text)}


def test_every_action_stands_on_the_page() -> None:
    page = (PACKAGE.parents[1] / "docs/reference/audit.md").read_text(encoding="utf-8")
    written = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", page.partition("## Actions")[2]))
    sources = [*package().values(), (PACKAGE / "cli/backup.py").read_text(encoding="utf-8")]
    found = set[str]().union(*(actions_in(source) for source in sources))
    assert len(found) > 30
    assert written == found | COMPOSED


BROKEN = """
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage import order as stored

async def place_order(db: "WriteSession", order: str) -> None:
    await stored.add_order(db, order)
"""


OPENED = BROKEN.replace('db: "WriteSession", ', "").replace(
    "await", "async with get_write_session() as db: await"
)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (BROKEN, {"services.order.place_order"}),
        (BROKEN.replace("add_order", "record_order"), set()),
        (BROKEN.replace("place_order", "_place_order"), set()),
        (BROKEN.replace('"WriteSession"', "WriteSession | None"), {"services.order.place_order"}),
        (BROKEN.replace('"WriteSession"', "ReadSession | WriteSession"), set()),
        (OPENED, {"services.order.place_order"}),
    ],
)  # fmt: skip
def test_a_service_that_forgets_it_is_named(source: str, found: set[str]) -> None:
    storage = """
from steelyard.storage.audit import record_event

async def add_order(db, order):
    pass

async def record_order(db, order):
    await record_event(db, "order.place", "order", order)
"""
    sources = {
        "services.order": source,
        "storage.order": storage,
        "storage.audit": "async def record_event(): pass",
    }
    assert silent_writers(functions_of(sources)) == found
