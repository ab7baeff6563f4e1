"""The process of a running PostgreSQL: found, told from an impostor, launched, ended.

A pid in a file proves nothing: after a kill -9 it may name a zombie or a process that came later.
"""

import os
import signal
from pathlib import Path

import psutil

from steelyard.storage.account import Account

PID_FILE = "postmaster.pid"
SOCKET_FILE = ".s.PGSQL.5432"
DETACH = '"$@" >&2 & echo $!'


def find_postmaster(data: Path) -> int | None:
    """The pid of the live postmaster of a data folder; None when there is none."""
    pid = _recorded_pid(data / PID_FILE)
    return pid if pid and is_postmaster(pid, data) else None


def is_postmaster(pid: int, data: Path) -> bool:
    """True when a live process that is no zombie works on this data folder.

    >>> is_postmaster(os.getpid(), Path("/nowhere"))
    False
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return _works_on(process, data)
    except psutil.NoSuchProcess:  # a ZombieProcess is one too
        return False


def is_alive(pid: int) -> bool:
    """True when the process runs and is not a zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def clear_stale_files(data: Path, socket_folder: Path) -> None:
    """Remove the lock files of a server that is gone; call only under the start lock, with none alive.

    PostgreSQL does so itself, except when their pid lives on as a zombie or another program. It still checks
    the shared memory of the data folder, so processes of the dead server that linger keep a new one out.
    """
    for path in (data / PID_FILE, socket_folder / f"{SOCKET_FILE}.lock"):
        path.unlink(missing_ok=True)


def launch(command: list[str | Path], account: Account, *, folder: Path, log: Path) -> int:
    """Start a server as its account, detached from us and our terminal; returns its pid.

    A shell in between hands the server to init, so that it never becomes a zombie of ours.
    """
    log.touch(mode=0o600)  # it may quote rows
    with log.open("ab") as lines:
        answer = account.run(["/bin/sh", "-c", DETACH, "sh", *command], folder=folder, log=lines.fileno())
    return int(answer.stdout)


def ask_to_end(pid: int, *, at_once: bool = False) -> None:
    """Ask for a fast shutdown: sessions are rolled back and the data is checkpointed; `at_once` leaves that undone.

    What is left undone the next start makes up for, as after a power cut.
    """
    try:
        os.kill(pid, signal.SIGQUIT if at_once else signal.SIGINT)
    except ProcessLookupError:
        return


def last_lines(log: Path, count: int = 4, *, without: str | None = None) -> str:
    """The end of a server's log, lines that contain `without` left out; "" without a log."""
    if not log.exists():
        return ""
    with log.open("rb") as lines:
        lines.seek(max(0, log.stat().st_size - 4096))
        tail = lines.read().decode("utf-8", "replace").splitlines()
    wanted = tail if without is None else [line for line in tail if without not in line]
    return "\n".join(wanted[-count:])


def _works_on(process: psutil.Process, data: Path) -> bool:
    """A postgres in that folder; by its command line where another user's folder may not be read."""
    if process.name() != "postgres":
        return False
    try:
        return Path(process.cwd()).samefile(data)
    except (OSError, psutil.AccessDenied):
        return str(data) in process.cmdline()


def _recorded_pid(path: Path) -> int | None:
    try:
        text = path.read_text().split("\n", 1)[0].strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isascii() and text.isdigit() else None
