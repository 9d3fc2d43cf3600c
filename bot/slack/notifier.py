"""Posts and edits messages."""

from dataclasses import dataclass

from slack_sdk import WebClient

from bot.access.models import Message
from bot.access.ports import Credential, Posted, Story
from bot.access.routing import Rules
from bot.slack import messages
from bot.slack.errors import domain_errors
from bot.slack.messages import Content


@dataclass(frozen=True)
class SlackNotifier:
    """A `Notifier` for Slack. Its client must not retry by itself: a post that is sent twice is read twice."""

    client: WebClient
    rules: Rules

    def send(self, message: Message, story: Story | None) -> Posted:
        """Posts the message to its recipient, or edits it where it stands. Raises `Outage`, `Refusal`."""
        if story is None:
            return self._write(message, messages.notice(message.notice or ""))
        return self._write(message, messages.message(message.kind, story, message.recipient))

    def deliver(self, message: Message, story: Story, credential: Credential) -> None:
        """Writes the credential into the message that stands for it. Raises `Outage`, `Refusal`."""
        integration = self.rules.policy.integration(story.request.integration)
        self._write(message, messages.delivered(story, integration, credential))

    def _write(self, message: Message, content: Content) -> Posted:
        with domain_errors():
            if message.channel is not None and message.ts is not None:
                self.client.chat_update(
                    channel=message.channel, ts=message.ts, text=content.text, blocks=content.blocks
                )
                return Posted(message.channel, message.ts)
            answer = self.client.chat_postMessage(
                channel=message.recipient,
                text=content.text,
                blocks=content.blocks,
                unfurl_links=False,
                unfurl_media=False,
            )
        return Posted(channel=str(answer["channel"]), ts=str(answer["ts"]))
