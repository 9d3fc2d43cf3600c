"""Names of accounts that can be looked up and mapped."""

from bot.access.accounts.account import Account, AccountFault, UnusableAccount

LONGEST = 507
"""Characters of a native user's name."""


def check_name(account: Account) -> None:
    """Raises `UnusableAccount` for a name that no account can have, or that would match others.

    A rule of a role mapping takes a text with a star for a pattern, and one between slashes for a regular expression
    (measured on 8.19 and 9.5).
    """
    for text in (account.username, account.realm):
        if not _is_plain(text):
            shown = "".join(each for each in text if each.isprintable())[:80]
            raise UnusableAccount(
                f"“{shown}” cannot be the name of an account: ask an administrator to look at your name in Slack and"
                " at the integration's template of usernames",
                AccountFault.NAME,
            )


def _is_plain(text: str) -> bool:
    fits = 0 < len(text) <= LONGEST and text == text.strip() and text.isprintable()
    return fits and "*" not in text and not (text.startswith("/") and text.endswith("/"))
