"""The file of providers: read whole, or refused with the file, the table, the key and the rule."""

from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from steelyard.identity.id_token import Identity
from steelyard.identity.provider import ALGORITHMS
from steelyard.identity.provider_settings import ProviderFileError, SignInProvider, read_provider_file

WORK = """
[providers.work]
label = "Example Corp"
issuer = "https://login.example.com"
client_id = "steelyard"
"""


def read(folder: Path, text: str) -> dict[str, SignInProvider]:
    (folder / "providers.toml").write_text(text)
    settings = read_provider_file(folder / "providers.toml", "https://us.example/{}".format)
    return dict(settings.providers)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ProviderFileError) as refused:
        read(folder, text)
    sentence = str(refused.value)
    assert sentence.startswith(f"{folder / 'providers.toml'}: ")
    return sentence.removeprefix(f"{folder / 'providers.toml'}: ")


def identity(*methods: str, context: str | None = None) -> Identity:
    return Identity("https://login.example.com", "7", None, None, methods, datetime.now(UTC), context)


def test_what_is_not_stated_has_the_usual_value(tmp_path: Path) -> None:
    found = read(tmp_path, WORK)["work"]

    assert found.label == "Example Corp"
    assert found.provider.client_secret is None
    assert found.provider.redirect_uri == "https://us.example/work"
    assert found.provider.scopes == ("openid", "email", "profile")
    assert found.provider.algorithms == ALGORITHMS


def test_everything_stated_counts(tmp_path: Path) -> None:
    (tmp_path / "work.secret").write_text("  hush \n")
    (tmp_path / "providers.toml").write_text(
        'private_networks = ["10.1.0.0/16", "fd00::/8"]\n'
        + WORK
        + 'client_secret_file = "work.secret"\nscopes = ["openid"]\nalgorithms = ["ES256"]\n'
        + 'two_factor_methods = ["mfa", "hwk"]\ntwo_factor_contexts = ["phr"]\n'
        + WORK.replace("work", "home").replace("login.example", "id.example")
    )
    settings = read_provider_file(tmp_path / "providers.toml", "https://us.example/{}".format)
    work = settings.providers["work"]

    assert list(settings.providers) == ["work", "home"]
    assert settings.private_networks == (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    assert work.provider.client_secret == "hush"  # noqa: S105 - of a test
    assert work.provider.scopes == ("openid",)
    assert work.provider.algorithms == {"ES256"}
    assert "hush" not in repr(settings)


def test_an_empty_file_names_no_provider(tmp_path: Path) -> None:
    assert read(tmp_path, "") == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("providers = 1", "providers is not a table of tables, such as [providers.work]."),
        ("[providers]\nwork = 1", "providers is not a table of tables, such as [providers.work]."),
        ("[provider.work]", "provider is not known; did you mean providers?."),
        ("private_networks = '10.1.0.0/16'", "private_networks is not a list of networks"),
        ("private_networks = [10]", "private_networks is not a list of networks"),
        ("private_networks = ['10.1.0.1/16']", "private_networks is not a list of networks"),
        ("[providers.work]\nissuer = 'https://a.example'", "[providers.work] does not state label."),
        (WORK + "isuer = ''", "[providers.work] isuer is not known; did you mean issuer?."),
        (WORK + "secret = ''", "[providers.work] secret is not known"),
        (WORK.replace('"steelyard"', "7"), "[providers.work] client_id is not a text."),
        (WORK.replace('"steelyard"', '""'), "[providers.work] client_id is empty."),
        (WORK.replace("Example Corp", ""), "[providers.work] label is not 1 to 60 characters on one line."),
        (WORK.replace("Example Corp", "x" * 61), "[providers.work] label is not 1 to 60 characters"),
        (WORK.replace("https", "http"), "[providers.work] issuer is not a plain https address."),
        (WORK.replace(".work", ".Work"), "[providers.Work] name is not 1 to 32 of a-z, 0-9 and -."),
        (WORK + "scopes = ['email']", "[providers.work] scopes lack openid."),
        (WORK + "scopes = 'openid'", "[providers.work] scopes is not a list of texts"),
        (WORK + "algorithms = ['none']", "[providers.work] algorithms are not all of"),
        (WORK + "two_factor_methods = [1]", "[providers.work] two_factor_methods is not a list of texts"),
        (
            WORK + "client_secret_file = 'absent'",
            "[providers.work] client_secret_file {folder}/absent cannot be read.",
        ),
        (WORK + WORK.replace(".work", ".again"), "[providers.again] issuer is that of [providers.work]."),
        (WORK + WORK, "is no TOML:"),
    ],
)
def test_what_breaks_a_rule_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    assert refusal(tmp_path, text).startswith(sentence.format(folder=tmp_path))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProviderFileError, match=r"absent\.toml: cannot be read: No such file"):
        read_provider_file(tmp_path / "absent.toml", str)
    (tmp_path / "providers.toml").write_bytes(b"label = '\xff'")
    with pytest.raises(ProviderFileError, match="is no TOML"):
        read_provider_file(tmp_path / "providers.toml", str)


def test_a_secret_is_never_repeated(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    sentence = refusal(tmp_path, WORK + "client_secret_file = 'empty'")
    leaked = refusal(tmp_path, WORK + "client_secret = 'hush'")

    assert sentence == f"[providers.work] client_secret_file {tmp_path}/empty is empty."
    assert "hush" not in leaked
    assert "client_secret_file" in leaked


@pytest.mark.parametrize(
    ("said", "factor"),
    [
        (identity(), "oidc"),
        (identity("pwd"), "oidc"),
        (identity("pwd", "mfa"), "oidc_mfa"),
        (identity(context="phr"), "oidc_mfa"),
        (identity("phr", context="mfa"), "oidc"),
    ],
)
def test_what_a_word_is_worth_is_set(tmp_path: Path, said: Identity, factor: str) -> None:
    trusted = 'two_factor_methods = ["mfa"]\ntwo_factor_contexts = ["phr"]\n'

    assert read(tmp_path, WORK + trusted)["work"].factor_of(said).value == factor
    assert read(tmp_path, WORK)["work"].factor_of(said).value == "oidc"
