"""Access for the requester's own account: whether it is there yet."""

from bot.slack.blocks.content import MessageContent, plain


def checked(*, works: bool | None) -> MessageContent:
    """Whether the requester's own account has the access now, as far as the cluster can say."""
    if works is None:
        return plain([
            ("I cannot tell: the cluster knows your account by sign-ins to Kibana alone, and it has seen none.",),
            ("Try it. If it is refused, sign out and in again once.",),
        ])  # fmt: skip
    if works:
        return plain([("It works: your account has this access now.",)])
    return plain([
        ("Not yet: your account did not have it at your last sign-in to Kibana.",),
        ("Sign out of Kibana and in again, then press Check once more.",),
    ])  # fmt: skip
