"""Settings: secrets may stand in files."""

from pathlib import Path

import pytest

from steelyard.config import SecretFileError, Settings

SECRETS = {"DATABASE_URL": "database_url", "DATABASE_MIGRATOR_URL": "migrator_url", "DB_PASS": "db_pass"}


@pytest.mark.parametrize(("name", "field"), SECRETS.items(), ids=SECRETS)
def test_a_secret_is_read_from_its_file(tmp_path: Path, name: str, field: str) -> None:
    (tmp_path / "secret").write_text("canary\n", encoding="utf-8")

    settings = Settings.from_environment({f"{name}_FILE": str(tmp_path / "secret")})

    assert getattr(settings, field) == getattr(Settings.from_environment({name: "canary"}), field) == "canary"
    assert "canary" not in repr(settings)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretFileError, match=f"DATABASE_URL_FILE is {tmp_path}/gone, which cannot be read"):
        Settings.from_environment({"DATABASE_URL_FILE": f"{tmp_path}/gone"})


def test_what_is_no_text_is_refused_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"canary\xff")

    with pytest.raises(SecretFileError) as refused:
        Settings.from_environment({"DB_PASS_FILE": str(tmp_path / "key")})
    assert "canary" not in str(refused.value)


def test_a_secret_is_not_given_twice() -> None:
    with pytest.raises(SecretFileError, match="DB_PASS_FILE is set beside it"):
        Settings.from_environment({"DB_PASS": "a", "DB_PASS_FILE": "b"})
