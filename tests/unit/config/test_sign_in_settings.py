"""How the connector signs in: with a password, an API key or a client certificate, and never two of them."""

from pathlib import Path

import pytest

from bot.cluster.connector.account import NOT_ROTATED
from bot.config.settings import SettingsError
from bot.runtime.connector_rotation import check_rotation
from tests.unit.config.test_settings import COMPLETE, problems_of, read, without

NO_ACCOUNT = without("ELASTICSEARCH_USERNAME", "ELASTICSEARCH_PASSWORD")
KEY = {"ELASTICSEARCH_API_KEY": "canary-key-0123456789"}


@pytest.fixture(autouse=True)
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variable for a certificate, in a folder without `.env`."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "client.pem"
    file.write_text("-----BEGIN CERTIFICATE-----\n")
    return {"ELASTICSEARCH_CLIENT_CERTIFICATE": str(file)}


def test_a_key_needs_no_user_and_no_password() -> None:
    settings = read(NO_ACCOUNT | KEY)
    (connection,) = settings.configuration().connections.values()
    signed_in = connection.sign_in()
    assert signed_in.header(signed_in.current) == "ApiKey canary-key-0123456789"
    assert KEY["ELASTICSEARCH_API_KEY"] in {each.get_secret_value() for each in settings.secrets()}
    assert not connection.rotatable


def test_a_key_as_id_and_secret_is_encoded() -> None:
    (connection,) = read(NO_ACCOUNT | {"ELASTICSEARCH_API_KEY": "id:secret"}).configuration().connections.values()
    signed_in = connection.sign_in()
    assert signed_in.header(signed_in.current) == "ApiKey aWQ6c2VjcmV0"


def test_a_key_in_a_store_is_read_there(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-the-file\n")
    environment = NO_ACCOUNT | {"ELASTICSEARCH_API_KEY": f"file:{tmp_path / 'key'}"}
    (connection,) = read(environment).configuration().connections.values()
    assert connection.sign_in().current.get_secret_value() == "from-the-file"
    (problem,) = problems_of(NO_ACCOUNT | {"ELASTICSEARCH_API_KEY": "vault://nowhere"})
    assert problem.startswith("ELASTICSEARCH_API_KEY: must be like vault://")


def test_a_certificate_alone_sends_no_authorization(certificate: dict[str, str]) -> None:
    (connection,) = read(NO_ACCOUNT | certificate).configuration().connections.values()
    signed_in = connection.sign_in()
    assert signed_in.header(signed_in.current) == ""
    assert not connection.rotatable


@pytest.mark.parametrize(
    ("added", "removed", "sentence"),
    [
        (KEY, (), "ELASTICSEARCH_API_KEY takes the place of user and password: remove ELASTICSEARCH_USERNAME and ELAS"),
        (KEY, ("ELASTICSEARCH_PASSWORD",), "ELASTICSEARCH_API_KEY takes the place of user and password: remove ELAS"),
        ({"ELASTICSEARCH_CLIENT_KEY": __file__}, (), "ELASTICSEARCH_CLIENT_CERTIFICATE is not set"),
        ({"ELASTICSEARCH_CLIENT_CERTIFICATE": "/no/file"}, (), "ELASTICSEARCH_CLIENT_CERTIFICATE: names no file"),
        ({"ELASTICSEARCH_CLIENT_CERTIFICATE": __file__}, ("ELASTICSEARCH_PASSWORD",), "ELASTICSEARCH_PASSWORD is not"),
        (
            {"ELASTICSEARCH_CLIENT_CERTIFICATE": __file__, "ELASTICSEARCH_URL": "http://es.example.com"}, (),
            "ELASTICSEARCH_CLIENT_CERTIFICATE: is of no use with http://",
        ),
    ],
)  # fmt: skip
def test_two_ways_or_half_of_one_are_refused(added: dict[str, str], removed: tuple[str, ...], sentence: str) -> None:
    (problem,) = problems_of({name: value for name, value in COMPLETE.items() if name not in removed} | added)
    assert problem.startswith(sentence)


def test_a_key_is_not_rotated() -> None:
    settings = read(NO_ACCOUNT | KEY | {"CREDENTIAL_ROTATION_DAYS": "30"})
    with pytest.raises(SettingsError) as refused:
        check_rotation(settings.configuration())
    assert NOT_ROTATED in str(refused.value)
