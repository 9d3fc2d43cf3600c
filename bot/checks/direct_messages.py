"""Checks that the app may send direct messages, by one to an owner that is deleted again."""

from slack_sdk import WebClient

from bot.access.errors import MessagesOff, Outage, Refusal
from bot.checks.owners import People
from bot.checks.report import Report
from bot.slack.errors import domain_errors

_TEXT = "es-access: `bot check` tests whether messages reach you. Nothing to do."

_TURN_ON = (
    "Your Slack app > App Home > Show Tabs: turn on Messages Tab. Until then nobody can be asked, and no credential can"
    " be delivered."
)


def check_direct_messages(report: Report, client: WebClient | None, people: People, scopes: frozenset[str]) -> None:
    """Reports whether Slack takes a direct message. Only a message can tell: Slack shows apps no such setting."""
    person = next((each for found in people.values() if found for each in sorted(found)), None)
    if client is None or "chat:write" not in scopes or person is None:
        report.skip("direct messages", "needs Slack, the scope chat:write and an owner, see above")
        return
    try:
        with domain_errors(client):
            posted = client.chat_postMessage(channel=person, text=_TEXT)
        with domain_errors(client):
            client.chat_delete(channel=str(posted["channel"]), ts=str(posted["ts"]))
    except MessagesOff as error:
        report.fail(f"direct messages: the Messages Tab of the app is off: {error}", _TURN_ON)
    except Outage as error:
        report.fail(f"direct messages: {error}", "Wait a minute and run `bot check` again.")
    except Refusal as error:
        report.warn(f"direct messages: one to {person} was refused: {error}", "Messages to others may work.")
    else:
        report.ok(f"direct messages: one to {person} was taken, and is deleted again")
