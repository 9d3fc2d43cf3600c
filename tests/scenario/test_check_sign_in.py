"""`bot check` and `bot run` with an API key or certificates, beside a real node."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from bot.cluster.connector.privileges import ROLE
from bot.sandbox.node import Node
from tests.scenario.newcomer import Newcomer, arrived


@pytest.fixture
def newcomer(node: Node, tmp_path: Path) -> Iterator[Newcomer]:
    """In Socket Mode."""
    with arrived(node, tmp_path) as ready:
        yield ready


def new_key(node: Node, expiration: str | None = None) -> str:
    made = node.client().security.create_api_key(
        name="connector", role_descriptors={"es-access-connector": ROLE}, expiration=expiration
    )
    return str(made["encoded"])


WITH_KEY = {"ELASTICSEARCH_USERNAME": None, "ELASTICSEARCH_PASSWORD": None}


def test_a_key_and_its_end_are_named_and_a_wrong_one_is_explained(newcomer: Newcomer, node: Node) -> None:
    key = new_key(node)
    found = newcomer.check(**WITH_KEY, ELASTICSEARCH_API_KEY=key)
    assert found.code == 0, found.text
    assert found.line("ok    sign-in: by the API key connector (").endswith("), which has no end")
    assert key not in found.text

    found = newcomer.check(**WITH_KEY, ELASTICSEARCH_API_KEY=new_key(node, "3d"), CREDENTIAL_ROTATION_DAYS="30")
    assert found.line("warn  sign-in: by the API key connector (")
    assert "Take credential_rotation_days out." in found.fix("FAIL  secret store: ELASTICSEARCH_API_KEY cannot be")

    fix = newcomer.check(**WITH_KEY, ELASTICSEARCH_API_KEY="d3Jvbmc6d3Jvbmc=").fails_with(
        "cluster: it does not take the"
    )
    assert "ELASTICSEARCH_API_KEY" in fix
    assert "POST /_security/api_key\n{" in fix


def test_certificates_that_cannot_be_used_are_named_before_the_start(newcomer: Newcomer, tmp_path: Path) -> None:
    authority = trustme.CA()
    no_pem, certificate, key = tmp_path / "empty.pem", tmp_path / "client.pem", tmp_path / "other.key"
    no_pem.write_text("nothing")
    authority.issue_cert("a").cert_chain_pems[0].write_to_path(certificate)
    authority.issue_cert("b").private_key_pem.write_to_path(key)
    url = newcomer.stage.node.url.replace("http:", "https:")
    for changed, words in (
        ({"ELASTICSEARCH_CA_CERTS": str(no_pem)}, f"there is no certificate in {no_pem}"),
        (
            {"ELASTICSEARCH_CLIENT_CERTIFICATE": str(certificate), "ELASTICSEARCH_CLIENT_KEY": str(key)},
            f"{certificate} and {key}: no certificate with its own private key",
        ),
    ):
        assert words in newcomer.check(ELASTICSEARCH_URL=url, **changed).line("FAIL  cluster")
        refused = newcomer.run(ELASTICSEARCH_URL=url, **changed)
        assert refused.code == 1
        assert f"{next(iter(changed))}: {words}" in refused.text
