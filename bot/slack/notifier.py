"""Posts and edits messages."""

from dataclasses import dataclass

from slack_sdk import WebClient

from bot.access.errors import Outage, Refusal
from bot.access.models.columns import CredentialKind
from bot.access.models.messages import Message, MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.privileges import may_change_owner
from bot.access.ports import Credential, MessagePosition
from bot.access.states import GrantState
from bot.slack.blocks import messages
from bot.slack.blocks.break_glass import to_review
from bot.slack.blocks.content import MessageContent
from bot.slack.blocks.counter_offers import offer_message
from bot.slack.blocks.credential import delivered, given_to_account
from bot.slack.blocks.messages import asked_for_you, expiry_warning
from bot.slack.blocks.ownership import owner_changed
from bot.slack.blocks.threads import note
from bot.slack.errors import domain_errors


@dataclass(frozen=True)
class SlackNotifier:
    """A `Notifier` for Slack. Its client must not retry: people would see a repeated post twice."""

    client: WebClient
    current: CurrentPolicy

    def send(
        self, message: Message, details: RequestDetails | None, under: MessagePosition | None = None
    ) -> MessagePosition:
        """Posts the message to its recipient, or edits it if it was posted before. Raises `Outage`, `Refusal`.

        `under`: posts it in the thread of that message.
        """
        content = self._content(message, details)
        if message.channel is not None and message.ts is not None:
            return self._edit(MessagePosition(message.channel, message.ts), content)
        if under is None:
            return self._post(message.recipient, content)
        # The thread of access that has ended may be days old and unread, so the end is shown in the channel as well.
        broadcast = message.kind is MessageKind.ENDED
        try:
            return self._post(under.channel, content, under.ts, broadcast=broadcast)
        except Refusal:
            if not broadcast:
                raise
            return self._post(message.recipient, content)  # the message above was deleted

    def deliver(self, message: Message, details: RequestDetails, credential: Credential) -> None:
        """Writes the credential into the message that was posted for it. Raises `Outage`, `Refusal`."""
        integration = self.current.policy.integration(details.request.integration)
        content = delivered(details, integration, credential)
        if message.channel is None or message.ts is None:
            raise LookupError(f"the credential message of {details.request.id} has no position")
        self._edit(MessagePosition(message.channel, message.ts), content)

    def _content(self, message: Message, details: RequestDetails | None) -> MessageContent:
        if details is None:
            return messages.notice(message.notice or "")
        integration = self.current.policy.find_integration(details.request.integration)
        if integration is not None and message.kind is MessageKind.CREDENTIAL and _is_in_account(details):
            return given_to_account(details, integration)
        return _content(message, details, writes_owner=self._writes_owner(details.request))

    def _writes_owner(self, request: AccessRequest) -> bool:
        """Whether the permission can write an owner where owners are read."""
        integration = self.current.policy.find_integration(request.integration)
        return (
            integration is not None
            and integration.owners_in_mappings
            and may_change_owner((request.privileges or {}).get("indices", ()))
        )

    def _edit(self, place: MessagePosition, content: MessageContent) -> MessagePosition:
        with domain_errors(self.client):
            self.client.chat_update(channel=place.channel, ts=place.ts, text=content.text, blocks=content.blocks)
        return place

    def _post(
        self, where: str, content: MessageContent, thread: str | None = None, *, broadcast: bool = False
    ) -> MessagePosition:
        with domain_errors(self.client):
            answer = self.client.chat_postMessage(
                channel=where,
                text=content.text,
                blocks=content.blocks,
                thread_ts=thread,
                reply_broadcast=broadcast or None,
                unfurl_links=False,
                unfurl_media=False,
            )
        channel, ts = answer.get("channel"), answer.get("ts")
        if not (isinstance(channel, str) and isinstance(ts, str)):
            # Its position is unknown, so no secret could be written into it later.
            raise Outage("Slack's answer does not say where the message stands")
        return MessagePosition(channel, ts)


def _is_in_account(details: RequestDetails) -> bool:
    """Whether the requester's own account has the access at this moment."""
    grant, own = details.grant, details.request.kind is CredentialKind.OWN_ACCOUNT
    return own and grant is not None and grant.state is GrantState.ACTIVE


def _content(message: Message, details: RequestDetails, *, writes_owner: bool = False) -> MessageContent:
    if message.kind is MessageKind.THREAD:
        return note(details, message.notice or "")
    if message.kind is MessageKind.OFFER:
        return offer_message(details, message.about or "")
    if message.kind is MessageKind.WARNING:
        return expiry_warning(details, message.about or "")
    if message.kind is MessageKind.ASKED:
        return asked_for_you(details)
    if message.kind is MessageKind.BREAK_GLASS:
        return to_review(details, again=message.about is not None)
    if message.kind is MessageKind.OWNERSHIP:
        return owner_changed(details)
    return messages.message(message.kind, details, message.recipient, writes_owner=writes_owner)
