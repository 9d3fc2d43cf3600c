"""Whose account it is: a Slack person's own account in a cluster, by the name that the policy gives it."""

from dataclasses import dataclass

import structlog

from bot.access.accounts.account import Account, ClustersWithAccounts, UnusableAccount
from bot.access.errors import NotAllowed, Outage, Refusal, RequestField
from bot.access.owners import notified_owners
from bot.access.policy.model import Integration
from bot.access.policy.value_types import account_name
from bot.access.ports import Clock, Directory
from bot.access.store.store import Store

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OwnAccounts:
    """Finds people's accounts. Nothing is remembered: Slack is asked each time, and the cluster."""

    directory: Directory
    clusters: ClustersWithAccounts

    def account_of(self, person: str, integration: Integration) -> Account:
        """The account of a person as the cluster has it. Raises `NotAllowed`, `Outage`."""
        account = self.expected(person, integration)
        try:
            return self.clusters[integration.name].accounts.find(account)
        except UnusableAccount as error:
            raise _unusable(f"Nothing can be given to your account in {integration.name}: {error}.") from None
        except Refusal as error:
            # Not the person's fault: the request waits until an administrator has fixed the cause.
            raise Outage(str(error)) from error

    def expected(self, person: str, integration: Integration) -> Account:
        """The account that the policy names, without a look at the cluster. Raises `NotAllowed`, `Outage`."""
        rules = integration.accounts
        if rules is None:
            raise NotAllowed(f"In {integration.name} nothing is given to people's own accounts.")
        try:
            names = self.directory.names(person)
        except Refusal as error:
            raise Outage(str(error)) from error
        values = {"slack_name": names.slack_name}
        if names.email:
            values |= {"email": names.email, "email_name": names.email.partition("@")[0]}
        try:
            username = account_name(rules.username, values)
        except KeyError:
            why = f"Slack does not tell me the e-mail of <@{person}>, which names their account in {integration.name}."
            raise _unusable(f"{why} Ask an owner of {integration.name}.") from None
        return Account(username, rules.realm)


def _unusable(why: str) -> NotAllowed:
    return NotAllowed(f"{why} A password needs no account of yours: add --password.", None, RequestField.PURPOSE)


def is_same(account: dict[str, str], other: Account) -> bool:
    """Whether a stored account is that one. Names that differ in case alone are one."""
    return (account["username"].lower(), account["realm"]) == (other.username.lower(), other.realm)


def check_holder(
    store: Store, directory: Directory, clock: Clock, integration: Integration, person: str, account: Account
) -> None:
    """Raises `NotAllowed` if the account is somebody else's, and tells the integration's owners. Raises `Outage`.

    The account of somebody who has left the workspace and has no access there is free.
    """
    with store.reading() as read:
        holder = read.own_account_named(integration.name, account.realm, account.username)
        used = bool(holder and read.own_grants(integration.name, [holder.person]))
    if holder is None or holder.person == person:
        return
    if not used and not directory.belongs(holder.person):
        with store.writing() as write:
            write.give_up_account(holder)
        return
    log.warning("two people have one account", integration=integration.name, account=account.username)
    text = (
        f"<@{person}> asked for access for the account {account.username} in {integration.name}, which is "
        f"that of <@{holder.person}> here. Nothing was given. Look at the e-mails of both in Slack."
    )
    now = clock.now()
    with store.writing() as write:
        about = f"account {integration.name} {person}"[:64]
        write.notify(notified_owners(directory, integration), text, now, about=about)
        write.audit(
            "account.taken", person, now, None,
            integration=integration.name, account=account.username, holder=holder.person,
        )  # fmt: skip
    raise _unusable(f"The account {account.username} is somebody else's here. Its owners are told.")
