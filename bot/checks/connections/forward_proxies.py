"""Says which servers are reached through a forward proxy, and which directly."""

from collections.abc import Mapping

from bot.checks.configuration import Setup
from bot.checks.report import Report, listed
from bot.network.forward_proxy import ForwardProxy, forward_proxy
from bot.slack.errors import slack_proxy


def check_forward_proxies(report: Report, setup: Setup) -> None:
    """Reports on the way to Slack and to each cluster; nothing if none is named in the environment."""
    ways: dict[str, ForwardProxy | None] = {}
    passed_by: list[str] = []
    try:
        ways["Slack"] = slack_proxy(setup.settings.slack_api_url)
        if setup.configuration is not None and not setup.unusable:
            for integration in setup.policy.integrations:
                url = setup.configuration.connections[integration.name].url or integration.public_url
                ways[integration.name] = forward_proxy(url)
                if ways[integration.name] is None and _is_for_http_alone(url):
                    passed_by.append(integration.name)
    except ValueError:
        return  # the settings are refused with the reason
    proxies = {each for each in ways.values() if each is not None}
    if proxies:
        report.ok(f"forward proxy: {'; '.join([*(_through(each, ways) for each in proxies), *_direct(ways)])}")
    if passed_by:
        report.warn(
            f"forward proxy: HTTP_PROXY does not count for https://, so {listed(passed_by)} is reached directly",
            "Set HTTPS_PROXY as well if it needs the proxy; if not, name its host in NO_PROXY.",
        )


def _is_for_http_alone(url: str) -> bool:
    """Whether a proxy is named that would be asked if the address did not begin with https://."""
    return url.startswith("https://") and forward_proxy(f"http://{url.removeprefix('https://')}") is not None


def _through(proxy: ForwardProxy, ways: Mapping[str, ForwardProxy | None]) -> str:
    names = ", ".join(name for name, way in ways.items() if way == proxy)
    return f"{names} through {proxy.address} ({proxy.variable})"


def _direct(ways: Mapping[str, ForwardProxy | None]) -> list[str]:
    names = ", ".join(name for name, way in ways.items() if way is None)
    return [f"{names} directly"] if names else []
