"""`bot explain`, `bot discover` and `bot schema`: questions about the policy and the clusters. They change nothing."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from bot.cli.settings import exit_with, load_quietly


def explain(
    person: Annotated[str, typer.Argument(help="Slack user id or e-mail")],
    patterns: Annotated[str, typer.Argument(help="Index patterns, separated by commas")],
    duration: Annotated[str, typer.Argument(help="Such as 1h")],
    cluster: Annotated[str | None, typer.Option(help="Where there are several")] = None,
    permission: Annotated[str, typer.Option(help="Such as write")] = "read",
    reason: Annotated[str, typer.Option(help="Where a flow needs one")] = "",
    own: Annotated[bool, typer.Option("--own", help="Access for their own account")] = False,
    password: Annotated[bool, typer.Option("--password", help="A password, for Kibana and people")] = False,
    key: Annotated[bool, typer.Option("--key", help="An API key, for a script")] = False,
    break_glass: Annotated[bool, typer.Option("--break-glass", help="In an emergency")] = False,
) -> None:
    """Explain a request without filing it: its access flow, the data it covers, and the owners who would be asked."""
    settings, scrubber = load_quietly()
    from bot.access.models.columns import CredentialKind
    from bot.access.requests.drafts import Draft
    from bot.bootstrap.commands import domain_only
    from bot.cli import policy_answers

    named = {CredentialKind.OWN_ACCOUNT: own, CredentialKind.PASSWORD: password, CredentialKind.API_KEY: key}
    kind = next((each for each, chosen in named.items() if chosen), None)
    draft = Draft(patterns, duration, permission, reason, cluster, kind, break_glass=break_glass)
    with _exit_on_settings_error(), domain_only(settings, scrubber) as (domain, directory):
        _print(lambda: policy_answers.explain(domain.requests, directory, person, draft))


def discover(text: Annotated[str, typer.Argument(help="A part of the name or the owner")] = "") -> None:
    """List the resources that can be requested, with their owners, and those without an owner."""
    settings, scrubber = load_quietly()
    from bot.bootstrap.commands import domain_only
    from bot.cli import policy_answers

    with _exit_on_settings_error(), domain_only(settings, scrubber) as (domain, _):
        _print(lambda: policy_answers.discover(domain.history, text))


def schema() -> None:
    """Print the JSON Schema of access.yaml, for editors."""
    from bot.config.access_yaml.schema import schema_text

    print(schema_text())


@contextmanager
def _exit_on_settings_error() -> Iterator[None]:
    # Some settings fail only on use: a password in a secret store, for example.
    from bot.config.settings import SettingsError

    try:
        yield
    except SettingsError as error:
        exit_with(error.sentences, "cannot answer:")


def _print(answer: Callable[[], list[str]]) -> None:
    from bot.runtime.admin import CannotAnswerError

    try:
        for line in answer():
            print(line)
    except CannotAnswerError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
