"""Hand-written fakes of everything outside the domain, and one object that holds them."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlmodel import col, select

from bot.access.accounts.account import Account, AccountFault, FoundRole, PersonalRole, UnusableAccount
from bot.access.accounts.identity import OwnAccounts
from bot.access.errors import Gone, Outage, Refusal
from bot.access.grants.alias_moves import AliasMoves
from bot.access.grants.automatic import AutomaticGrants
from bot.access.grants.own_accounts.personal_roles import PersonalRoles
from bot.access.grants.provisioning import Provisioning
from bot.access.grants.revocation import Revocation
from bot.access.grants.service import Grants
from bot.access.grants.unfinished_tasks import UnfinishedTasks
from bot.access.lifecycle.direct_messages import DirectMessages
from bot.access.lifecycle.expiry_warnings import ExpiryWarnings
from bot.access.lookup.history import History
from bot.access.models.audit import AuditEvent
from bot.access.models.grants import Grant
from bot.access.models.messages import Message, MessageKind
from bot.access.models.receipts import Receipt
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AskedGroup
from bot.access.models.running_tasks import RunningTask
from bot.access.notifications.outbox import Outbox
from bot.access.ownership.decisions import OwnerDecisions
from bot.access.ownership.memory import OwnerMemory
from bot.access.ownership.watch import OwnerWatch
from bot.access.people import Inclusion, Members, OwnerProblem, PersonNames
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import PERMISSIONS, Integration, Permission, Policy
from bot.access.ports import Catalogue, Credential, CredentialSpec, InventoryItem, MessagePosition, Resource, Template
from bot.access.requests.approvals import Approvals
from bot.access.requests.break_glass import BreakGlass
from bot.access.requests.counter_offers import CounterOffers
from bot.access.requests.drafts import Draft
from bot.access.requests.owner_changes import OwnerChanges
from bot.access.requests.routing import Routing
from bot.access.requests.service import Requests
from bot.access.states import GrantState
from bot.access.store.session import Room
from bot.access.store.store import Store

REQUESTER, OWNER, SECOND_OWNER, STRANGER = "U0REQUESTER", "U0OWNER", "U0SECOND", "U0STRANGER"

WEB, SHOP = ("U0WEB1", "U0WEB2"), ("U0SHOP1", "U0SHOP2")
"""Two teams that own resources."""

CLAIM = timedelta(minutes=1)
"""How long a claim lasts in tests."""


def flow(**values: Any) -> AccessFlow:
    """An access flow that anyone may use for anything, where `values` say nothing else."""
    return AccessFlow(name="anything", **values)


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, by: timedelta) -> None:
        self.time += by


class Script:
    """Raises these errors on the next calls, one each, and then none."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.calls = 0

    def play(self) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)


@dataclass
class FakeAccounts:
    """Holds personal roles as Elasticsearch does, and fails on request. Every account exists that is not `unusable`."""

    roles: dict[str, PersonalRole] = field(default_factory=dict)
    connected: dict[str, Account] = field(default_factory=dict)
    unusable: set[str] = field(default_factory=set)
    by_hand: set[str] = field(default_factory=set)
    """Roles that somebody has changed."""
    exact: dict[str, str] = field(default_factory=dict)
    """Names as the cluster has them."""
    sees: bool | None = None
    finding: Script = field(default_factory=Script)
    connecting: Script = field(default_factory=Script)
    writing: Script = field(default_factory=Script)
    ending: Script = field(default_factory=Script)
    written: list[PersonalRole] = field(default_factory=list)
    before_write: Callable[[PersonalRole], None] = lambda _role: None

    def find(self, account: Account) -> Account:
        self.finding.play()
        if account.username in self.unusable:
            raise UnusableAccount(f"there is no account {account.username}", AccountFault.MISSING)
        return Account(self.exact.get(account.username, account.username), account.realm)

    def connect(self, role: str, person: str, account: Account, *, add_role: bool) -> bool:  # noqa: ARG002
        self.connecting.play()
        new = self.connected.get(role) != account
        self.connected[role] = account
        return new

    def write(self, role: PersonalRole) -> None:
        assert role.parts
        self.before_write(role)
        self.writing.play()
        self._put(role)

    def _put(self, role: PersonalRole) -> None:
        self.written.append(role)
        self.by_hand.discard(role.name)
        if role.parts:
            self.roles[role.name] = role
        else:
            self.roles.pop(role.name, None)

    def end(self, roles: Sequence[PersonalRole], _ended: Mapping[str, Sequence[str]]) -> Sequence[Receipt]:
        try:
            self.ending.play()
        except (Outage, Refusal) as error:
            return [Receipt(True, False, 0, (str(error),), final=isinstance(error, Refusal)) for _ in roles]
        for role in roles:
            self._put(role)
        return [Receipt(user_gone=True, role_gone=True, keys_left=0) for _ in roles]

    def works(self, _account: Account, _spec: CredentialSpec) -> bool | None:
        return self.sees

    def found(self) -> Iterable[Sequence[FoundRole]]:
        self.finding.play()
        yield [
            FoundRole(role.name, role.person, role.account, role.parts, role.name in self.by_hand)
            for role in self.roles.values()
        ]

    def holds(self, person: str) -> dict[str, tuple[str, ...]]:
        """The patterns that each grant gives to the account of that person."""
        return {
            part.grant_id: part.patterns for role in self.roles.values() if role.person == person for part in role.parts
        }


@dataclass
class FakeCluster:
    """Holds users and roles as Elasticsearch does, and fails on request."""

    names: list[str] = field(default_factory=lambda: ["logs-a", "logs-b", "metrics-a"])
    owners: dict[str, tuple[str | None, ...]] = field(default_factory=dict)
    assigned: dict[str, str] = field(default_factory=dict)
    """Owners that an index template gives."""
    templates: tuple[Template, ...] = ()
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    streams: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Data streams, with the indices of other names that were put into them."""
    names_to_come: list[str] = field(default_factory=list)
    """Created since the last reading: only a fresh reading sees it."""
    users: dict[str, str] = field(default_factory=dict)
    roles: dict[str, CredentialSpec] = field(default_factory=dict)
    passwords: list[str] = field(default_factory=list)
    keys: dict[str, dict[str, datetime]] = field(default_factory=dict)
    """When each live API key of a user ends, by its id."""
    made_keys: list[str] = field(default_factory=list)
    disabled: set[str] = field(default_factory=set)
    tokens: dict[str, int] = field(default_factory=dict)
    removed_together: list[int] = field(default_factory=list)
    cleared: list[tuple[list[str], list[str]]] = field(default_factory=list)
    """Users and keys that the nodes were made to forget, one entry a call."""
    there: list[InventoryItem] = field(default_factory=list)
    is_ahead: timedelta = timedelta(0)
    read_at: datetime | None = None
    tasks: list[RunningTask] = field(default_factory=list)
    listing_tasks: Script = field(default_factory=Script)
    ending_keys: Script = field(default_factory=Script)
    asked: Script = field(default_factory=Script)
    creating: Script = field(default_factory=Script)
    trying: Script = field(default_factory=Script)
    removing: Script = field(default_factory=Script)
    can_limit: bool = True
    accounts: FakeAccounts = field(default_factory=FakeAccounts)
    before_create: Callable[[CredentialSpec], None] = lambda _spec: None
    before_renew: Callable[[], None] = lambda: None

    def honours_limits(self) -> bool:
        self.asked.play()
        return self.can_limit

    def catalogue(self) -> Catalogue:
        self.asked.play()
        found = [self._index(name) for name in sorted(self.names)]
        found += [
            Resource(name, "alias", tuple(self.owners.get(each, (None,))[0] for each in targets), 0, targets)
            for name, targets in self.aliases.items()
        ]
        for name, inside in self.streams.items():
            owners = dict.fromkeys(self.owners.get(each, (None,))[0] for each in (name, *inside))
            found.append(Resource(name, "data stream", tuple(owners), 10, inside, assigned=next(iter(owners))))
        return Catalogue(tuple(sorted(found, key=lambda each: each.name)), self.templates, self.read_at)

    def look(self, _patterns: Sequence[str]) -> Catalogue:
        self.names += self.names_to_come
        self.names_to_come = []
        return self.catalogue()

    def _index(self, name: str) -> Resource:
        owners = self.owners.get(name)
        assigned = self.assigned.get(name)
        return Resource(
            name,
            "index",
            owners or (assigned,),
            10,
            written=owners[0] if owners else None,
            assigned=assigned,
            stream=next((stream for stream, inside in self.streams.items() if name in inside), None),
        )

    def create(self, spec: CredentialSpec, password: SecretStr) -> None:
        self.before_create(spec)
        self.passwords.append(password.get_secret_value())
        # The role already exists when the user fails, as with two parallel calls.
        self.roles[spec.username] = spec
        self.creating.play()
        self.users[spec.username] = password.get_secret_value()
        self.trying.play()

    def renew(self, spec: CredentialSpec, password: SecretStr) -> int:
        self.before_renew()
        self.extend(spec)
        self.passwords.append(password.get_secret_value())
        self.users[spec.username] = password.get_secret_value()
        self.trying.play()
        return self.tokens.pop(spec.username, 0)

    def extend(self, spec: CredentialSpec) -> None:
        self.creating.play()
        if spec.username not in self.users:
            raise Gone(f"the user {spec.username} was removed")
        self.roles[spec.username] = spec

    def narrow(self, spec: CredentialSpec) -> None:
        self.creating.play()
        if spec.username not in self.users:
            raise Gone(f"the user {spec.username} was removed")
        self.roles[spec.username] = spec

    def grant_key(self, spec: CredentialSpec, password: SecretStr, *, alone: bool = False) -> Credential:
        self.before_create(spec)
        self.before_renew()
        self.passwords.append(password.get_secret_value())
        if alone:
            self.keys.pop(spec.username, None)
        self.creating.play()
        key_id = f"key-{len(self.made_keys)}"
        self.made_keys.append(key_id)
        self.keys.setdefault(spec.username, {})[key_id] = spec.expires_at
        self.trying.play()
        return Credential(spec.username, SecretStr(f"secret-of-{key_id}"), key_id)

    def end_other_keys(self, username: str, keep: str) -> None:
        self.ending_keys.play()
        self.keys[username] = {key_id: until for key_id, until in self.keys[username].items() if key_id == keep}

    def exists(self, username: str, key_id: str | None) -> bool:
        self.asked.play()
        if key_id is not None:
            return key_id in self.keys.get(username, {})
        return username in self.users

    def remove(self, usernames: Sequence[str], *, disable: bool = False) -> Sequence[Receipt]:
        self.removed_together.append(len(usernames))
        return [self._remove(username, disable=disable) for username in usernames]

    def _remove(self, username: str, *, disable: bool) -> Receipt:
        try:
            self.removing.play()
        except (Outage, Refusal) as error:
            final = isinstance(error, Refusal)
            here = (username not in self.users, username not in self.roles)
            return Receipt(*here, None, (str(error),), final=final)
        was = self.users.pop(username, None)
        kept = disable and was is not None
        if kept:
            self.disabled.add(username)
        else:
            self.disabled.discard(username)
        self.roles.pop(username, None)
        ended, tokens = len(self.keys.pop(username, {})), self.tokens.pop(username, 0)
        return Receipt(
            user_gone=not kept, role_gone=True, keys_left=0, user_disabled=kept, keys_ended=ended, tokens_ended=tokens
        )

    def clear_caches(self, usernames: Sequence[str], key_ids: Sequence[str]) -> None:
        self.asked.play()
        self.cleared.append((list(usernames), list(key_ids)))

    def found(self) -> Iterable[Sequence[InventoryItem]]:
        self.asked.play()
        yield self.there

    def ahead(self) -> timedelta:
        self.asked.play()
        return self.is_ahead

    def running_tasks(self) -> Sequence[RunningTask]:
        self.listing_tasks.play()
        return self.tasks

    @property
    def empty(self) -> bool:
        return not self.users and not self.roles and not self.keys and not self.disabled


@dataclass
class FakeDirectory:
    """Finds groups and e-mails by their names in the policy, and active people by id."""

    people: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"@owners": (OWNER, SECOND_OWNER)})
    left: set[str] = field(default_factory=set)
    outsiders: set[str] = field(default_factory=set)
    emails: dict[str, str | None] = field(default_factory=dict)
    asked: Script = field(default_factory=Script)

    def belongs(self, person: str) -> bool:
        self.asked.play()
        return person not in self.outsiders

    def members(self, owners: Sequence[str]) -> Members:
        self.asked.play()
        found = {owner: self._active(owner) for owner in owners}
        users = dict.fromkeys(user for users in found.values() for user in users)
        return Members(
            tuple(users), tuple(OwnerProblem(owner, "nobody") for owner, users in found.items() if not users)
        )

    def includes(self, requesters: Sequence[str], person: str) -> Inclusion:
        self.asked.play()
        behind = {requester: self._active(requester) for requester in requesters}
        return Inclusion(any(person in users for users in behind.values()), all(behind.values()))

    def names(self, person: str) -> PersonNames:
        return PersonNames(person.lower(), self.emails.get(person, f"{person.lower()}@example.com"))

    def find(self, typed: str) -> str:
        self.asked.play()
        behind = self._active(typed)
        if len(behind) != 1:
            raise Refusal("there is nobody of that name")
        return behind[0]

    def _active(self, owner: str) -> list[str]:
        behind = (owner,) if owner.startswith("U0") else self.people.get(owner, ())
        return [user for user in behind if user not in self.left]


class FakeNotifier:
    """Keeps each message by its position, with its current text, as Slack does."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.log: list[tuple[str, MessageKind, str]] = []
        self.threads: dict[str, list[str]] = {}
        """Where the answers in a thread stand, by where the message above them does."""
        self.sending, self.delivering = Script(), Script()
        self.before_deliver: Callable[[], None] = lambda: None
        self.during_send: Callable[[Message], None] = lambda _message: None
        self._guard = threading.Lock()

    def send(
        self, message: Message, details: RequestDetails | None, under: MessagePosition | None = None
    ) -> MessagePosition:
        self.sending.play()
        self.during_send(message)
        with self._guard:
            ts = message.ts or f"{len(self.texts) + 1}.0"
            self.texts[ts] = self._words(message, details)
            self.log.append(("edit" if message.ts else "post", message.kind, message.recipient))
            if under is not None and message.ts is None:
                self.threads.setdefault(under.ts, []).append(ts)
        return MessagePosition(channel=f"D{message.recipient}", ts=ts)

    def deliver(self, message: Message, details: RequestDetails, credential: Credential) -> None:
        assert message.ts is not None, "the message is placed before the secret is in it"
        self.before_deliver()
        self.delivering.play()
        with self._guard:
            secret = credential.secret.get_secret_value()
            self.texts[message.ts] = (
                f"{credential.username} {secret} until {details.grant and details.grant.expires_at}"
            )
            self.log.append(("deliver", message.kind, message.recipient))

    @staticmethod
    def _words(message: Message, details: RequestDetails | None) -> str:
        if details is None or message.kind is MessageKind.THREAD:
            return message.notice or ""
        grant = details.grant.state.value if details.grant else "no grant"
        return f"{message.kind.value} {details.request.id} {details.request.state.value} {grant}"

    def sent(self, kind: MessageKind, action: str = "post") -> list[str]:
        """The recipients of messages of that kind, in order."""
        return [recipient for did, what, recipient in self.log if (did, what) == (action, kind)]

    def shows(self, text: str) -> bool:
        """Whether any message now shows that text."""
        return any(text in each for each in self.texts.values())


class FakeClusters(dict[str, FakeCluster]):
    """The clusters by name; one that is not configured does not answer."""

    def __missing__(self, integration: str) -> FakeCluster:
        raise Outage(f"the integration {integration} is not configured")


PRODUCTION = Integration(name="production", owner=("@owners",), resource_owner="owner", public_url="https://es.example")

EVERYTHING = AccessFlow(name="everything", permissions=("read", "write", "manage"), owners="integration")
"""The policy of a small company: everyone may ask for anything, and the integration owner decides."""


def policy_of(*flows: AccessFlow, integrations: tuple[Integration, ...] = (PRODUCTION,)) -> Policy:
    # A test may file many requests for one person; the limits have their own tests.
    return Policy(
        integrations=integrations,
        access_flows=flows or (EVERYTHING,),
        pending_per_person=10_000,
        requests_per_hour=10_000,
    )


@dataclass
class World:
    """The domain with a real store and fakes; time moves only when a test moves it."""

    store: Store
    executor: ThreadPoolExecutor
    clock: FakeClock = field(default_factory=FakeClock)
    cluster: FakeCluster = field(default_factory=FakeCluster)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    notifier: FakeNotifier = field(default_factory=FakeNotifier)
    current: CurrentPolicy = field(default_factory=lambda: CurrentPolicy(policy_of()))

    def under(self, *flows: AccessFlow) -> "World":
        """Switches this world to these access flows, and returns it."""
        self.current.policy = policy_of(*flows)
        return self

    def with_permissions(self, *permissions: Permission) -> "World":
        """Switches this world to a policy that offers these and the built-in permissions, and returns it."""
        known = (*PERMISSIONS, *permissions)
        flow = EVERYTHING.model_copy(update={"permissions": tuple(each.name for each in known)})
        self.current.policy = Policy(integrations=(PRODUCTION,), permissions=known, access_flows=(flow,))
        return self

    @property
    def clusters(self) -> FakeClusters:
        return FakeClusters(production=self.cluster)

    @property
    def routing(self) -> Routing:
        return Routing(self.clusters, self.directory, self.current, self.clock, self.own_accounts, self.memory)

    @property
    def own_accounts(self) -> OwnAccounts:
        return OwnAccounts(self.directory, self.clusters)

    @property
    def roles(self) -> PersonalRoles:
        return PersonalRoles(self.store, self.clusters, self.clusters, self.current, self.clock)

    @property
    def memory(self) -> OwnerMemory:
        return OwnerMemory(self.store, self.current, self.clock, self.owner_decisions)

    @property
    def owner_decisions(self) -> OwnerDecisions:
        return OwnerDecisions(self.store, self.directory, self.current, self.clock)

    @property
    def owner_watch(self) -> OwnerWatch:
        return OwnerWatch(self.store, self.clusters, self.memory, self.current, self.clock)

    @property
    def approvals(self) -> Approvals:
        return Approvals(self.store, self.routing, self.directory, self.current, self.clock)

    @property
    def requests(self) -> Requests:
        direct_messages = DirectMessages(self.store, self.notifier, self.clock)
        return Requests(self.store, self.routing, self.approvals, self.current, self.clock, direct_messages)

    @property
    def grants(self) -> Grants:
        return Grants(self.store, self.approvals, self.provisioning, self.clock)

    @property
    def provisioning(self) -> Provisioning:
        return Provisioning(self.store, self.clusters, self.notifier, self.clock, self.roles, self.executor)

    @property
    def revocation(self) -> Revocation:
        return Revocation(self.store, self.clusters, self.roles, self.current, self.clock)

    @property
    def offers(self) -> CounterOffers:
        return CounterOffers(self.store, self.routing, self.approvals, self.current, self.clock)

    @property
    def history(self) -> History:
        return History(self.store, self.approvals, self.clusters, self.current, self.memory)

    @property
    def owner_changes(self) -> OwnerChanges:
        return OwnerChanges(self.store, self.directory, self.current, self.clock)

    @property
    def break_glass(self) -> BreakGlass:
        return BreakGlass(self.store, self.approvals, self.directory, self.current, self.clock)

    @property
    def expiry_warnings(self) -> ExpiryWarnings:
        return ExpiryWarnings(self.store, self.clock)

    @property
    def automatic(self) -> AutomaticGrants:
        return AutomaticGrants(
            self.store, self.directory, self.current, self.approvals, self.grants, self.clusters, self.clock,
            self.own_accounts,
        )  # fmt: skip

    @property
    def alias_moves(self) -> AliasMoves:
        return AliasMoves(self.store, self.clusters, self.directory, self.memory, self.current, self.clock, self.roles)

    @property
    def unfinished_tasks(self) -> UnfinishedTasks:
        return UnfinishedTasks(self.store, self.clusters, self.clock)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.store, self.notifier, self.clock)

    def on(self, store: Store) -> "World":
        """The same fakes, seen by another process."""
        return World(store, self.executor, self.clock, self.cluster, self.directory, self.notifier, self.current)

    # --- actions of people ---

    def ask(self, patterns: str = "logs-*", duration: str = "1h", reason: str = "") -> str:
        """Files a request and returns its id."""
        return self.requests.submit(REQUESTER, Draft(patterns, duration, reason=reason, again=True)).request.id

    def approved(self) -> str:
        """Files and approves a request, and returns its id."""
        request_id = self.ask()
        self.approvals.approve(request_id, OWNER)
        return request_id

    def state(self, request_id: str) -> GrantState:
        """The state of the grant."""
        return self.grant(request_id).state

    def granted(self) -> str:
        """Files, approves, provisions and delivers a request, and returns its id."""
        request_id = self.approved()
        self.work_grants()
        return request_id

    # --- what workers do ---

    def claim_grants(self) -> Sequence[Grant]:
        """Claims the grants that are due to be provisioned or revoked."""
        now = self.clock.now()
        with self.store.writing() as write:
            claimed = [write.claim_grants(now, now + CLAIM, Room(100), ending=ending) for ending in (False, True)]
            return [grant for found in claimed for grants in found.values() for grant in grants]

    def work_on(self, *grants: Grant) -> None:
        """Works on claimed grants as the pools do."""
        for grant in grants:
            made = grant.state is GrantState.PROVISIONING or (grant.state is GrantState.ACTIVE and grant.task)
            if made and grant.due_at is not None and grant.due_at < grant.expires_at:
                self.provisioning.work([grant])
            else:
                self.revocation.work([grant])

    def work_grants(self) -> int:
        """Works once on each grant that is due now, and returns their number."""
        claimed = self.claim_grants()
        self.work_on(*claimed)
        return len(claimed)

    def claim_messages(self) -> Sequence[Message]:
        now = self.clock.now()
        with self.store.writing() as write:
            return write.claim_messages(now, now + CLAIM, 100)

    def work_messages(self) -> int:
        """Sends messages until none is due, and returns the number of sendings."""
        count = 0
        while claimed := self.claim_messages():
            self.outbox.work(claimed)
            count += len(claimed)
        return count

    def work(self) -> None:
        """Does all work that is due now."""
        while self.work_grants() + self.work_messages():
            pass

    # --- state ---

    def grant(self, grant_id: str) -> Grant:
        with self.store.reading() as read:
            found = read.grant(grant_id)
        assert found is not None, f"there is no grant {grant_id}"
        return found

    def request_details(self, request_id: str) -> RequestDetails:
        with self.store.reading() as read:
            return read.request_details(request_id)

    def groups(self, request_id: str) -> dict[str, AskedGroup]:
        """The groups that must approve a request, by label."""
        return {group.label: group for group in self.request_details(request_id).groups}

    def events(self, request_id: str) -> list[AuditEvent]:
        """The audit events of a request, oldest first."""
        with self.store.reading() as read:
            rows = select(AuditEvent).where(AuditEvent.request_id == request_id).order_by(col(AuditEvent.id))
            return list(read._session.exec(rows))

    def audit(self, request_id: str) -> list[str]:
        """The names of a request's audit events, oldest first."""
        return [each.event for each in self.events(request_id)]


@contextmanager
def world_on(store: Store) -> Iterator[World]:
    """A world on that store, and its threads, for the block."""
    with ThreadPoolExecutor(4) as executor:
        yield World(store, executor)
