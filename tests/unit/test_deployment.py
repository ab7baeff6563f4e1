"""What stands in `deploy/` and its two pages fits the program: commands, settings, files, users, exit codes."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it brings no types

from steelyard.cli.codes import FAILED, TRY_AGAIN
from steelyard.cli.main import steelyard

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PAGES = [ROOT / f"docs/how-to/{name}.md" for name in ("run-in-containers", "refresh-every-night")]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(read(DEPLOY / "compose.yaml"))
    return found


@pytest.fixture
def job() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(read(DEPLOY / "cronjob.yaml"))["spec"]["jobTemplate"]["spec"]
    return found


@pytest.fixture
def container(job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = job["template"]["spec"]["containers"][0]
    return found


# ── Commands ────────────────────────────────────────────────────────────────────────────────────────────


def check_command(words: list[str]) -> None:
    """Check that the terminal face understands these arguments; raises what a user would be told."""
    name, *arguments = words
    command = steelyard.commands[name]
    command.make_context(name, arguments)


def commands_of(page: str) -> Iterator[list[str]]:
    """Give the arguments of every `steelyard` in the code of a page, whatever runs it."""
    for block in re.findall(r"^```\w*\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            called = re.search(r"(?:.*[ /]|^)steelyard ((?:--)?[a-z][^>|]*)", line)
            if called and not line.startswith(("Description", "User", "kubectl")):
                yield shlex.split(called[1])


def test_the_cluster_and_compose_run_commands_that_exist(
    compose: dict[str, Any], container: dict[str, Any]
) -> None:
    check_command([str(word) for word in container["args"]])
    check_command(compose["services"]["steelyard"]["command"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_pages_run_commands_that_exist(page: Path) -> None:
    found = list(commands_of(read(page)))

    assert found
    for words in found:
        check_command(words)


def test_a_command_that_does_not_exist_is_noticed() -> None:
    page = "```\nrun --rm steelyard refesh --json\n```\n"

    with pytest.raises(KeyError, match="refesh"):
        check_command(next(commands_of(page)))


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────


def settings_known() -> set[str]:
    """Give every variable the settings read; a secret may also stand in a file."""
    tree = ast.parse(read(ROOT / "src/steelyard/config.py"))
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    names = {text for text in strings if isinstance(text, str) and re.fullmatch(r"[A-Z][A-Z0-9_]{3,}", text)}
    secrets = {
        str(node.args[1].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "_secret"
        and isinstance(node.args[1], ast.Constant)
    }
    return names | {f"{name}_FILE" for name in secrets}


def test_every_setting_given_is_one(compose: dict[str, Any], container: dict[str, Any]) -> None:
    given = {*compose["services"]["steelyard"]["environment"], *(entry["name"] for entry in container["env"])}
    given |= set(re.findall(r"\b((?:STEELYARD|DATABASE|DB)_[A-Z_]+)=", read(DEPLOY / "Containerfile")))
    for page in PAGES:
        given |= set(re.findall(r"\b((?:STEELYARD|DATABASE|DB)_[A-Z_]+)=", read(page)))

    assert len(given) >= 3
    assert given <= settings_known()


# ── Files, users, codes ─────────────────────────────────────────────────────────────────────────────────


def test_what_the_image_copies_is_there() -> None:
    lines = re.findall(r"^COPY (?!--from)(.+)$", read(DEPLOY / "Containerfile"), re.MULTILINE)
    sources = [source for line in lines for source in line.split()[:-1]]

    assert {"src", "pyproject.toml", "requirements/base.txt"} <= set(sources)
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_nothing_names_a_registry() -> None:
    for path in DEPLOY.iterdir():
        if path.is_file():
            assert not re.search(r"(?:FROM|image:)\s+\S+\.\S+/|://", read(path).replace("postgresql://", ""))


def test_nobody_is_root(job: dict[str, Any], container: dict[str, Any]) -> None:
    user = job["template"]["spec"]["securityContext"]
    image = read(DEPLOY / "Containerfile")

    assert f"\nUSER {user['runAsUser']}:{user['runAsGroup']}\n" in image
    assert f"--uid {user['runAsUser']} " in image
    assert user["runAsNonRoot"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_every_secret_is_declared_and_where_it_is_read(
    compose: dict[str, Any], container: dict[str, Any]
) -> None:
    for service in compose["services"].values():
        assert set(service["secrets"]) <= set(compose["secrets"])
        files = [text for text in service["environment"].values() if str(text).startswith("/run/secrets/")]
        assert {Path(text).name for text in files} <= set(service["secrets"])
    roles = read(DEPLOY / "create-roles.sql")
    assert set(re.findall(r"/run/secrets/(\w+)", roles)) <= set(compose["services"]["db"]["secrets"])
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert str(Path(container["env"][0]["value"]).parent) in mounts


def test_the_database_listens_to_this_machine_only(compose: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["db"]["ports"])


def test_the_cluster_gives_up_on_what_somebody_must_put_right_and_on_nothing_else(
    job: dict[str, Any], container: dict[str, Any]
) -> None:
    gives_up = job["podFailurePolicy"]["rules"][0]["onExitCodes"]

    assert gives_up["containerName"] == container["name"]
    assert FAILED in gives_up["values"]
    assert TRY_AGAIN not in gives_up["values"]
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # a policy of exit codes asks for it
