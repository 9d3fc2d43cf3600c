"""The Home tab: publishes it when it is opened or something changed, and handles its buttons."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from slack_bolt import Ack, App
from slack_sdk import WebClient
from slack_sdk.models.views import View

from bot.access.errors import AccessError
from bot.access.lookup.home_tab import HomeTabs, Section
from bot.access.requests.drafts import Draft
from bot.access.wording import counted
from bot.slack import ids
from bot.slack.blocks.content import MessageContent, plain
from bot.slack.blocks.home import home
from bot.slack.errors import domain_errors
from bot.slack.listeners.payload import request_id_of, user_of
from bot.slack.listeners.requests import FormOpener
from bot.slack.responder import Body, Responder, log_failed_reply, reply_in_dm

_TURN = re.compile(rf"{ids.TURN}-({'|'.join(each.value for each in Section)})-(after|before)")


@dataclass(frozen=True)
class HomeListeners:
    """One method for each action that only the Home tab has."""

    home_tabs: HomeTabs
    client: WebClient
    responder: Responder
    open_form: FormOpener

    def register(self, app: App) -> None:
        """Registers every listener with Bolt."""
        app.event("app_home_opened")(self.open)
        app.action(ids.HOME_ASK)(self.ask)
        app.action(ids.ASK_AGAIN)(self.ask_again)
        app.action(ids.ASK_FAVOURITE)(self.ask_favourite)
        app.action(ids.SAVE_FAVOURITE)(self.save)
        app.action(ids.REMOVE_FAVOURITE)(self.remove)
        app.action(ids.REVOKE_ALL)(self.revoke_all)
        app.action(_TURN)(self.turn_page)

    def publish(self, person: str) -> None:
        """Publishes a person's Home tab as of now. Raises `Outage`, `Refusal`."""
        view = home(self.home_tabs.read(person))
        with domain_errors(self.client):
            self.client.views_publish(user_id=person, view=view)

    def open(self, ack: Ack, body: Body) -> None:
        """Publishes the Home tab that was opened. The event comes for the Messages tab as well, which needs nothing."""
        ack()
        event = body["event"]
        if event.get("tab") != "home":
            return
        person = str(event["user"])

        def show() -> None:
            self.home_tabs.open(person)
            with log_failed_reply():  # opening the tab is no click, so nobody expects a message about a failure
                self.publish(person)

        self.responder.run_later(partial(self._publish_answer, person), show)

    def _publish_answer(self, person: str, content: MessageContent) -> None:
        """Shows a refusal or an error in place of the Home tab."""
        with log_failed_reply(), domain_errors(self.client):
            self.client.views_publish(user_id=person, view=View(type="home", blocks=list(content.blocks)))

    def ask(self, ack: Ack, body: Body) -> None:
        """Ask for access: opens an empty form."""
        ack()
        self._open_form(body, lambda: None)

    def ask_again(self, ack: Ack, body: Body) -> None:
        """Request again: opens the form with the terms of that request."""
        ack()
        self._open_form(body, lambda: self.home_tabs.again(user_of(body), request_id_of(body)))

    def ask_favourite(self, ack: Ack, body: Body) -> None:
        """Ask for a favourite: opens the form with its terms."""
        ack()
        self._open_form(body, lambda: self.home_tabs.favourite(user_of(body), _value(body)))

    def save(self, ack: Ack, body: Body) -> None:
        """Save: makes a favourite from the terms of a request."""
        ack()
        self._change(body, lambda: self.home_tabs.save(user_of(body), request_id_of(body)))

    def remove(self, ack: Ack, body: Body) -> None:
        """Remove: deletes a favourite."""
        ack()
        self._change(body, lambda: self.home_tabs.remove(user_of(body), _value(body)))

    def turn_page(self, ack: Ack, body: Body) -> None:
        """Next or previous: shows another page of one list."""
        ack()
        found = _TURN.fullmatch(str(body["actions"][0]["action_id"]))
        if found is None:
            return
        section, which = Section(found[1]), {found[2]: request_id_of(body)}
        self._change(body, lambda: self.home_tabs.turn_page(user_of(body), section, **which))

    def revoke_all(self, ack: Ack, body: Body) -> None:
        """Revoke all: ends the grants of others on this owner's resources."""
        ack()
        person = user_of(body)

        def end() -> MessageContent:
            count = self.home_tabs.revoke_all(person, _asked_until(_value(body)))
            return plain([(f"{counted(count, 'grant')} of others on what is yours: being ended now.",)])

        self.responder.run_later(reply_in_dm(self.client, person), end, repeatable=True)

    def _open_form(self, body: Body, draft: Callable[[], Draft | None]) -> None:
        self._later(user_of(body), lambda: self.open_form(self.client, body, draft()))

    def _change(self, body: Body, change: Callable[[], None]) -> None:
        person = user_of(body)

        def do() -> None:
            change()
            self.publish(person)

        self._later(person, do)

    def _later(self, person: str, work: Callable[[], MessageContent | None]) -> None:
        self.responder.run_later(reply_in_dm(self.client, person), work)


def _value(body: Body) -> str:
    return str(body["actions"][0].get("value") or "")


def _asked_until(value: str) -> datetime:
    if not value.isdecimal() or len(value) > 12:
        raise AccessError("I do not know which access you mean. Open the Home tab again.")
    return datetime.fromtimestamp(int(value) + 1, UTC)
