import os
from pathlib import Path

from steelyard.storage.account import Account
from steelyard.storage.binaries import Binaries
from steelyard.storage.cluster import SOCKET_PATH_LIMIT, Cluster, default_home

OURSELVES = Account(os.geteuid(), os.getegid(), borrowed=False)


def test_the_socket_is_beside_the_data_until_the_path_is_too_long() -> None:
    fits = Path("/" + "x" * (SOCKET_PATH_LIMIT - len("//postgres/.s.PGSQL.5432")))
    assert Cluster(fits, OURSELVES).socket_folder == fits / "postgres"
    longer = Cluster(Path(f"{fits}x"), OURSELVES).socket_folder
    assert longer != Path(f"{fits}x") / "postgres"
    assert len(str(longer)) < SOCKET_PATH_LIMIT


def test_two_long_paths_do_not_share_a_folder() -> None:
    first, second = (Cluster(Path("/" + letter * 200), OURSELVES).socket_folder for letter in "ab")
    assert first != second


def test_a_path_with_commas_and_quotes_stays_one_folder() -> None:
    command = Cluster(Path('/a,"b'), OURSELVES).command(Binaries(Path("/bin"), "18.4"))
    assert 'unix_socket_directories="/a,""b/postgres"' in command


def test_root_has_a_folder_for_each_home() -> None:
    assert default_home(as_root=True).parent == Path("/var/lib/steelyard")
    assert default_home(as_root=False).is_relative_to(Path.home())
