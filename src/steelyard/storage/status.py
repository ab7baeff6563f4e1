"""How the embedded server is: found out without starting it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from steelyard.storage.backup import LastBackup, last_backup
from steelyard.storage.cluster import Cluster, open_cluster
from steelyard.storage.embedded import EmbeddedServer, attach
from steelyard.storage.postmaster import find_postmaster
from steelyard.storage.queries import query
from steelyard.storage.scratch import connected


@dataclass(frozen=True, slots=True)
class Status:
    """The embedded server of a folder.

    Attributes:
        running: whether it answers.
        pid: its process; with `running` false, one that starts, recovers or hangs. None = there is none.
        version: of the server that answers, else the major version of the data; None before there is data.
        home: the folder.
        size_bytes: of the data, with indexes and write-ahead log.
        free_bytes: on its disk.
        uptime_seconds: since when it runs; None when it does not answer.
        connections: sessions of clients, ours aside; None when it does not answer.
        last_backup: None when none was made.
    """

    running: bool
    pid: int | None
    version: str | None
    home: str
    size_bytes: int
    free_bytes: int
    uptime_seconds: int | None
    connections: int | None
    last_backup: LastBackup | None


async def get_status(data_dir: Path | None) -> Status:
    """Return how the server of a folder is (the platform's when None)."""
    cluster = open_cluster(data_dir)
    server = await attach(data_dir)
    activity = await _activity(server) if server else None
    major = cluster.major
    version = str(major) if major else None
    return Status(
        running=server is not None,
        pid=find_postmaster(cluster.data),
        version=activity.version if activity else version,
        home=str(cluster.home),
        size_bytes=_size(cluster.data),
        free_bytes=_free(cluster),
        uptime_seconds=activity.uptime_seconds if activity else None,
        connections=activity.connections if activity else None,
        last_backup=last_backup(cluster.home),
    )


@dataclass(frozen=True, slots=True)
class _Activity:
    version: str
    uptime_seconds: int
    connections: int


async def _activity(server: EmbeddedServer) -> _Activity:
    async with connected(server, server.app, server.database) as connection:
        rows = await connection.fetch(query("get_activity").text)
    return _Activity(**rows[0])


def _size(folder: Path) -> int:
    """Return the bytes in a folder's files; what goes away meanwhile does not count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:
            continue
    return total


def _free(cluster: Cluster) -> int:
    """Return what is free on the disk of the home, or where it would be made."""
    place = next(folder for folder in (cluster.home, *cluster.home.parents) if folder.exists())
    return shutil.disk_usage(place).free
