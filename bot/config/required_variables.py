"""The variables that have to be set."""

from collections.abc import Iterable, Mapping

from bot.access.policy.value_types import NATIVE
from bot.config.settings_error import SettingsProblem

REQUIRED = {
    "ELASTICSEARCH_USERNAME": "the connector account, see “On your cluster” in the README",
    "ELASTICSEARCH_PASSWORD": "the connector account's password",
    "INTEGRATION_OWNER": "who may approve: Slack user ids, e-mails or @group handles, separated by commas",
}
"""Required without an `access.yaml`; user and password only where no key and no certificate takes their place."""

_ACCOUNT = ("ELASTICSEARCH_USERNAME", "ELASTICSEARCH_PASSWORD")
_KEY, _CERTIFICATE, _CERTIFICATE_KEY = (
    "ELASTICSEARCH_API_KEY", "ELASTICSEARCH_CLIENT_CERTIFICATE", "ELASTICSEARCH_CLIENT_KEY",
)  # fmt: skip

_REALM, _ACCOUNT_NAME, _ADD_ROLE = (
    "ELASTICSEARCH_ACCOUNT_REALM", "ELASTICSEARCH_ACCOUNT_USERNAME", "ELASTICSEARCH_ACCOUNT_ADD_ROLE",
)  # fmt: skip
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})
"""The texts that Pydantic reads as false ("Booleans", Pydantic)."""

_ADDRESS = ("ELASTICSEARCH_URL", "ELASTICSEARCH_CLOUD_ID")
_SLACK = ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET")
"""Pairs of variables; one of each pair has to be set."""


def missing_for_slack(present: Mapping[str, str]) -> Iterable[SettingsProblem]:
    """A problem if nothing says how Slack's events arrive. `present` has the variables by name in upper case."""
    if not present.keys() & set(_SLACK):
        text = f"{_SLACK[0]} (xapp-…, for Socket Mode) or {_SLACK[1]} (for HTTP): neither is set"
        yield SettingsProblem(text, _SLACK)


def missing(present: Mapping[str, str]) -> Iterable[SettingsProblem]:
    """The problems with the variables that describe the one integration, for use without an `access.yaml`."""
    for name, meaning in REQUIRED.items():
        if name not in present and not (name in _ACCOUNT and _signs_in_without_password(present)):
            yield SettingsProblem(f"{name} is not set: {meaning}", (name,))
    beside = [name for name in _ACCOUNT if name in present]
    if _KEY in present and beside:
        yield SettingsProblem(f"{_KEY} takes the place of user and password: remove {' and '.join(beside)}", (_KEY,))
    if _CERTIFICATE_KEY in present and _CERTIFICATE not in present:
        yield SettingsProblem(f"{_CERTIFICATE} is not set: the certificate of {_CERTIFICATE_KEY}", (_CERTIFICATE,))
    yield from _account_problems(present)
    addresses = present.keys() & set(_ADDRESS)
    if not addresses:
        yield SettingsProblem(f"{' or '.join(_ADDRESS)}: neither is set", _ADDRESS)
    if len(addresses) > 1:
        yield SettingsProblem(f"{' and '.join(_ADDRESS)}: both are set, keep one", _ADDRESS)


def _account_problems(present: Mapping[str, str]) -> Iterable[SettingsProblem]:
    """The settings about people's own accounts that must be set together."""
    realm = present.get(_REALM)
    if realm is None and present.keys() & {_ACCOUNT_NAME, _ADD_ROLE}:
        text = f"{_REALM} is not set: the realm of people's own accounts, native for native users"
        yield SettingsProblem(text, (_REALM,))
    elif realm != NATIVE and present.get(_ADD_ROLE, "false").lower() not in _FALSE:
        yield SettingsProblem(f"{_ADD_ROLE}: is for native users, with {_REALM}={NATIVE}", (_ADD_ROLE,))


def _signs_in_without_password(present: Mapping[str, str]) -> bool:
    """Whether there is a key, or a client certificate and no half of an account."""
    return _KEY in present or (_CERTIFICATE in present and not present.keys() & set(_ACCOUNT))
