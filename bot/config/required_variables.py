"""The variables that have to be set."""

from collections.abc import Iterable, Mapping

from bot.config.settings_error import SettingsProblem

REQUIRED = {
    "ELASTICSEARCH_USERNAME": "the connector account, see “On your cluster” in the README",
    "ELASTICSEARCH_PASSWORD": "the connector account's password",
    "INTEGRATION_OWNER": "who may approve: Slack user ids, e-mails or @group handles, separated by commas",
}
"""The variables that are required without an `access.yaml`."""

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
        if name not in present:
            yield SettingsProblem(f"{name} is not set: {meaning}", (name,))
    addresses = present.keys() & set(_ADDRESS)
    if not addresses:
        yield SettingsProblem(f"{' or '.join(_ADDRESS)}: neither is set", _ADDRESS)
    if len(addresses) > 1:
        yield SettingsProblem(f"{' and '.join(_ADDRESS)}: both are set, keep one", _ADDRESS)
