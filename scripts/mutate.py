"""Break code on purpose and see whether a test notices: `python scripts/mutate.py domain.lot rebalancing.tree`.

mutmut makes the mutants; each runs in a process of its own, in a copy of the sources where one module is mutated and
the others are as they are. TESTS names the tests; those that need PostgreSQL share one embedded server. With `--sample
40` only so many mutants of each module run, chosen by `--seed`. Prints the mutants that no test noticed, and scores.
"""

import argparse
import asyncio
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

import pytest
from mutmut.mutation.file_mutation import mutate_file_contents

from steelyard.storage import embedded

COPY = Path("mutants")
COMPILED = ("book", "kernel")  # as numba cannot compile a switch between mutants
CPU_SECONDS = 60  # a mutant that never ends is noticed
WALL_SECONDS = 300  # so is one that waits for ever
KEPT_FOLDER = "STEELYARD_TEST_KEPT_FOLDER"  # see tests/conftest.py
LAWS = ("unit/test_lot", "unit/test_wash_sale", "unit/test_model_portfolio", "properties/test_lots")
LEDGER = (
    "unit/test_posting",
    "unit/test_position",
    "unit/test_corporate_action",
    "unit/test_ledger",
    "unit/test_ledger_refusals",
    "properties/test_ledger",
)
ACCOUNTS = (
    "unit/test_allocation",
    "unit/test_allocation_input",
    "unit/test_policy",
    "unit/test_taxed_allocation",
)
AUDIT = ("unit/test_audit", "properties/test_audit")
ORDERS = (
    "integration/test_order_sending",
    "integration/test_order_worker",
    "integration/test_unknown_orders",
    "integration/test_order_steering",
    "integration/test_order_deaths",
)
FILLS = (
    "integration/test_fill",
    "integration/test_suspense",
    "integration/test_hold",
    "integration/test_broker_reconciliation",
    "properties/test_fill",
)
IMPORTS = ("integration/test_statement_import", "integration/test_statement_questions")
UPLOADS = ("integration/test_import_upload",)
PROPOSALS = ("unit/test_proposal_changes", "integration/test_proposal", "integration/test_proposal_changes")
SEARCH = ("unit/test_exact_search", "unit/test_certificate", "properties/test_exact_search")
TESTS = {
    "domain": (
        "unit/test_money",
        *LEDGER,
        *LAWS,
        *ACCOUNTS,
        "unit/test_mapping",
        "unit/test_price_screening",
        *AUDIT,
    ),
    "analytics": (
        "unit/test_measure_shapes",
        "unit/test_measure_values",
        "unit/test_drawdown",
        "unit/test_attribution",
        "unit/test_portfolio_risk",
        "unit/test_windows",
        "unit/test_returns_with_flows",
        "unit/test_valuation",
        "unit/test_performance",
        "unit/test_price_table",
        "properties/test_returns_with_flows",
        "properties/test_valuation",
        "unit/test_history",
        "properties/test_measures",
        "properties/test_drawdown",
        "properties/test_attribution",
        "properties/test_portfolio_risk",
        "properties/test_rolling",
    ),
    "rebalancing": (
        *SEARCH,
        *ACCOUNTS,
        "unit/test_order_file",
        "properties/test_allocation",
        "properties/test_tax_runs",
    ),
    "compliance": (
        "unit/test_rules",
        "unit/test_rule_words",
        "unit/test_rule_settings",
        "unit/test_order_limits",
        "properties/test_rules",
    ),
    "identity": (
        "unit/test_permissions",
        "unit/test_session",
        "unit/test_user",
        "unit/test_key_file_faults",
        "properties/test_field_encryption",
        *AUDIT,
        "unit/test_attempts",
        "unit/test_mfa",
        "golden/test_rfc_6238",
        "unit/test_pending",
        "unit/test_provider",
        "unit/test_provider_settings",
        "unit/test_remembered",
        "unit/test_strict_json",
        "unit/test_passwords",
        "acceptance/test_mix_up",
        "acceptance/test_outbound",
        "acceptance/test_evil_provider",
        "acceptance/test_passkeys",
    ),
    "domain.order": ("unit/test_order", "unit/test_order_rules"),
    "domain.fill": ("properties/test_fill", "integration/test_fill"),
    "domain.canonical": ("unit/test_canonical",),
    "services.order_rules": ("unit/test_order_rules",),
    **dict.fromkeys(
        (
            "services.order",
            "services.order_decision",
            "services.order_hand",
            "services.order_lookup",
            "services.order_sending",
            "services.order_worker",
        ),
        ORDERS,
    ),
    "services.order_check": ("integration/test_order_check",),
    "services.order_limit": ("integration/test_order_check", "acceptance/test_rules"),
    **dict.fromkeys(("services.fill", "services.booking", "services.suspense"), FILLS),
    "services.hold": ("integration/test_hold",),
    "services.apportionment": (
        "unit/test_apportionment",
        "properties/test_apportionment",
    ),
    "services.block": ("integration/test_block", "integration/test_run"),
    **dict.fromkeys(
        ("services.proposal", "services.proposal_changes", "services.proposal_document"), PROPOSALS
    ),
    **dict.fromkeys(("services.approval", "services.ruling"), (*PROPOSALS, "acceptance/test_approval")),
    "services.idempotency": ("integration/test_idempotency",),
    **dict.fromkeys(("services.import_upload", "identity.file_encryption"), UPLOADS),
    **dict.fromkeys(
        (
            "services.statement_attempt",
            "services.statement_effect",
            "services.statement_import",
            "services.statement_opening",
            "services.statement_prices",
            "services.statement_questions",
            "services.statement_rates",
        ),
        IMPORTS,
    ),
    **{
        f"services.statement_{noun}": (f"unit/test_statement_{noun}", *IMPORTS)
        for noun in ("identity", "reconciliation", "rows")
    },
    "server": (
        "unit/test_place",
        "unit/test_permits",
        "unit/test_input",
        "acceptance/test_server_csrf",
        "acceptance/test_server_door",
        "acceptance/test_server_bodies",
        "acceptance/test_server_answers",
        "acceptance/test_server_log",
    ),
}
"""Tests by the package or the module they test, the quickest to notice first."""

# They compile what cannot be compiled once it is mutated, start another Python, list a module's names or read a page.
NOT_HERE = (
    "unit/test_audit.py::test_the_page_has_an_example_to_check_by_hand",
    "unit/test_exact_search.py::test_the_kernel_compiles_while_something_else_runs",
    "unit/test_exact_search.py::test_plain_python_answers_without_numba_and_numpy",
    "properties/test_exact_search.py::test_compiled_is_plain_bit_by_bit_when_the_limits_bite_too",
    "properties/test_exact_search.py::test_compiled_is_plain_on_accounts",
    "unit/test_measure_shapes.py::test_no_measure_is_left_out",
    "unit/test_permissions.py::test_the_page_shows_the_table",
)


def in_child(work: Callable[[], int]) -> int:
    """Run in a process of its own; return what it returned, below 0 where it was killed."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        os._exit(work())
    except BaseException:  # noqa: BLE001 - a child must not go on as its parent
        traceback.print_exc()
        os._exit(1)


def run_tests(arguments: list[str], mutant: str) -> int:
    """Run the tests with one mutant switched on, silently; return 0 where none failed."""
    os.environ["MUTANT_UNDER_TEST"] = mutant
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    signal.alarm(WALL_SECONDS)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.dup2(nowhere, sys.stderr.fileno())
    return int(pytest.main(arguments))


def arguments_for(module: str) -> list[str]:
    """Name the tests of a module as pytest wants it."""
    package, _ = module.split(".")
    quick = ["-x", "-q", "-p", "no:cacheprovider", "--rootdir=.", "--hypothesis-profile=mutate"]
    deselected = [f"--deselect=tests/{name}" for name in NOT_HERE]
    doctests = f"src/steelyard/{module.replace('.', '/')}.py"
    return [
        *quick,
        *deselected,
        doctests,
        *(f"tests/{name}.py" for name in TESTS.get(module) or TESTS[package]),
    ]


def write_mutants(module: str) -> list[str]:
    """Put the mutants of a module in the place of it in the copy; return their names."""
    path = Path("src/steelyard", f"{module.replace('.', '/')}.py")
    shutil.copytree("src", COPY / "src", dirs_exist_ok=True)
    shutil.copytree("tests", COPY / "tests", dirs_exist_ok=True)
    shutil.copy("pyproject.toml", COPY)
    mutated = mutate_file_contents(str(path), path.read_text(encoding="utf-8"))
    (COPY / path).write_text(mutated.code, encoding="utf-8")
    return [f"steelyard.{module}.{name}" for name in mutated.mutant_names]


def unnoticed(module: str, mutants: list[str]) -> Iterator[str]:
    """Give the mutants that no test noticed."""
    arguments = arguments_for(module)
    if in_child(partial(run_tests, arguments, "none")):
        sys.exit(
            f"The tests of {module} fail in {COPY} without a mutant: cd {COPY}; pytest {' '.join(arguments)}"
        )
    for mutant in mutants:
        if in_child(partial(run_tests, arguments, mutant)) == 0:
            yield mutant


def measure(module: str, sample: int, seed: int) -> int:
    """Print what nobody noticed of a module, and its line of the table."""
    names = write_mutants(module)
    os.chdir(COPY)
    sys.path[:0] = ["src", "tests"]
    pytest.main(
        ["--collect-only", "-qqq", *arguments_for(module)]
    )  # what every mutant imports is imported once
    tried = names if len(names) <= sample else Random(seed).sample(names, sample)  # noqa: S311 - no secret
    survivors = list(unnoticed(module, tried))
    noticed = len(tried) - len(survivors)
    sys.stdout.write("".join(f"{name}\n" for name in survivors))
    sys.stdout.write(
        f"| `{module}` | {len(names)} | {len(tried)} | {noticed} | {noticed / (len(tried) or 1):.0%} |\n"
    )
    sys.stdout.flush()
    return 0


@contextmanager
def kept_server() -> Iterator[None]:
    """Let all tests have one server, which the first that needs it starts; it ends with this."""
    folder = Path(tempfile.mkdtemp(prefix="steelyard-mutants-"))
    folder.chmod(0o711)  # root's server runs as a system user, which must pass through
    os.environ[KEPT_FOLDER] = str(folder)
    try:
        yield
    finally:
        asyncio.run(embedded.stop(folder / "home"))
        shutil.rmtree(folder)


def files_of(tested: str) -> list[Path]:
    """Give the files of a package, or the one of a module."""
    path = Path("src/steelyard", *tested.split("."))
    return sorted(path.glob("[!_]*.py")) if path.is_dir() else [path.with_suffix(".py")]


def main() -> None:
    """Measure the modules asked for, one after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", help="for example domain.lot; none: all")
    parser.add_argument("--sample", type=int, default=sys.maxsize, help="mutants of each module, at most")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    os.environ.setdefault("STEELYARD_BRUTE_FORCE", "60")  # as many small problems a mutant, not a thousand
    files = [path for tested in TESTS for path in files_of(tested)]
    files = [path for path in files if not path.stem.startswith(COMPILED)]
    with kept_server():
        for module in asked.modules or dict.fromkeys(f"{path.parent.name}.{path.stem}" for path in files):
            if in_child(partial(measure, module, asked.sample, asked.seed)):
                sys.exit(1)


if __name__ == "__main__":
    main()
