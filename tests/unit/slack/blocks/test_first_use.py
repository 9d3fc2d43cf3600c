"""The line to paste and the link to Kibana, as they stand with a credential."""

import json
import shlex
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from bot.access.models.columns import CredentialKind
from bot.access.models.requests import AccessRequest
from bot.access.policy.model import PERMISSIONS, Integration
from bot.access.ports import Credential
from bot.slack.blocks.parts.first_use import LONGEST_LINK, LONGEST_REQUEST, discover_link, first_use
from bot.slack.blocks.rich_text import Link, Pre, fallback
from tests.shown import request

NAME = "es-access-7k3f9q"
PASSWORD, KEY = Credential(NAME, SecretStr("secret")), Credential(NAME, SecretStr("c2VjcmV0"), "id")
LONG = [f"{'x' * 220}-{number:02}" for number in range(20)]


def integration(**more: str | None) -> Integration:
    return Integration(name="prod", owner=("@platform",), public_url="https://es.example.com", **more)


def asked(**more: Any) -> AccessRequest:
    return request(**more)


def line_of(where: Integration, names: list[str], credential: Credential = PASSWORD) -> tuple[str, str]:
    """The line to paste, and all other words."""
    lines = first_use(asked(), where, names, credential)
    (pasted,) = (each.text for each in lines if isinstance(each, Pre))
    return pasted, fallback([each for each in lines if not isinstance(each, Pre)])


@pytest.mark.parametrize("credential", [PASSWORD, KEY])
def test_a_line_that_would_be_too_long_names_one_and_says_so(credential: Credential) -> None:
    pasted, words = line_of(integration(), LONG, credential)
    assert shlex.split(pasted)[-1] == f"https://es.example.com/{LONG[0]}/_search?size=1"
    assert "Try it, with one of the 20 names" in words


def test_names_that_fit_are_all_in_the_line() -> None:
    pasted, words = line_of(integration(), LONG[:17])
    address = shlex.split(pasted)[-1]
    assert address.count(",") == 16
    assert len(f"GET {address} HTTP/1.1\r\n") <= LONGEST_REQUEST
    assert words == "Try it:"


def test_the_longest_name_of_letters_that_are_encoded_fits_alone() -> None:
    pasted, _ = line_of(integration(), ["ß" * 127] * 20)
    assert len(shlex.split(pasted)[-1]) < LONGEST_REQUEST


@pytest.mark.parametrize(
    ("hint", "said"),
    [("Get it at https://wiki/ca.", "Get it at https://wiki/ca."), ("", "Ask an owner of prod for it.")],
)
def test_behind_a_private_ca_the_line_names_the_file_and_the_message_where_it_is(hint: str, said: str) -> None:
    pasted, words = line_of(integration(ca_file="company-ca.pem", ca_hint=hint), ["logs-*"])
    assert shlex.split(pasted)[:3] == ["curl", "--cacert", "company-ca.pem"]
    assert f"company-ca.pem is the certificate of the cluster's CA. {said}" in words
    assert "--cacert" not in line_of(integration(), ["logs-*"])[0]


def link_of(where: Integration, credential: Credential = PASSWORD, **more: Any) -> Link | None:
    lines = first_use(asked(**more), where, ["logs-*", "it's"], credential)
    return next((part for line in lines if not isinstance(line, Pre) for part in line if isinstance(part, Link)), None)


KIBANA = integration(kibana_url="https://kibana.example.com/base", kibana_space="ops")


def test_the_link_opens_discover_in_the_space_on_the_names() -> None:
    link = link_of(KIBANA)
    assert link is not None
    assert link.text == "Open in Kibana"
    address = urlsplit(link.url)
    assert (address.netloc, address.path) == ("kibana.example.com", "/base/s/ops/app/r")
    values = parse_qs(address.query)
    assert values["l"] == ["DISCOVER_APP_LOCATOR"]
    assert json.loads(values["p"][0]) == {"dataViewSpec": {"title": "logs-*,it's"}}


def test_the_default_space_has_no_name_in_the_link_and_a_long_link_names_one() -> None:
    link = discover_link("https://kibana.example.com", "default", LONG)
    assert link.startswith("https://kibana.example.com/app/r?")
    assert len(link) <= LONGEST_LINK
    assert json.loads(parse_qs(urlsplit(link).query)["p"][0])["dataViewSpec"]["title"] == LONG[0]


@pytest.mark.parametrize(
    ("held", "space"),
    [
        ({"permission": "ops", "privileges": {"indices": ["read"], "kibana": ["read"], "spaces": ["b"]}}, "b"),
        ({"permission": "write", "privileges": PERMISSIONS[1].stored()}, "ops"),
        ({"permission": "plain", "privileges": {"indices": ["read"]}}, None),
    ],
)  # fmt: skip
def test_a_link_stands_only_where_it_opens(held: dict[str, Any], space: str | None) -> None:
    link = link_of(KIBANA, **held)
    assert (None if link is None else link.url.split("/s/")[1].split("/")[0]) == space


def test_there_is_no_link_for_a_key_or_without_a_kibana() -> None:
    assert link_of(KIBANA, KEY, kind=CredentialKind.API_KEY) is None
    assert link_of(integration()) is None
