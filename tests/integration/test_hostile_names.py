"""A hostile requester spells names in every way: nothing that is accepted reads protected data, on each version."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import pytest
from elasticsearch import ApiError, Elasticsearch

from bot.access.accounts.identity import OwnAccounts
from bot.access.clock import SystemClock
from bot.access.errors import AccessError, InvalidRequest
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Permission, Policy
from bot.access.requests.drafts import Draft, ParsedRequest, read_draft
from bot.access.requests.routing import Plan, Routing
from bot.cluster.cluster import ElasticsearchCluster
from bot.sandbox.node import Node
from bot.slack.listeners.command_parser import parse
from tests.fakes import PRODUCTION, REQUESTER, FakeDirectory
from tests.integration.given_access import READ, cluster_of, given, spec_of
from tests.nodes import versions

ALERTS, SECURITY, ANOMALIES = ".alerts-web", ".alerts-security.alerts-default", ".ml-anomalies-web"
SECRET, SYSTEM = "web-secret-1", ".security-7"
PROTECTED = (SECURITY, ANOMALIES, SECRET, SYSTEM, ".monitoring-es", "other")
"""Hidden data of another owner, excluded data, a system index and what no flow names."""

ALIASES = {
    "web-all": ("web-1", SECRET), "web-behind": (SECRET,), "web-hidden": (ANOMALIES,), "Web-Prod": ("web-1",),
    "Web-Secret": (SECRET,), "Web-Hidden": (SECURITY,), "x-other": ("other",), ".x-link": (ANOMALIES,),
    ".x-open": ("web-1",), ".x-other": ("other",),
}  # fmt: skip

NAMED = ("@owners",)
LINKS = AccessFlow(name="links", owners=NAMED, patterns=("x-*", ".x-*"))
"""It covers aliases, and none of the data behind them."""

FLOWS = {
    "by owners": (
        AccessFlow(name="alerts", owners=NAMED, patterns=(".alerts-*",), exclude=(".alerts-security*",)),
        AccessFlow(name="web", owners=NAMED, patterns=("web*", "Web-*"), exclude=("web-secret-*",)),
        LINKS,
    ),
    "by rule": (
        AccessFlow(name="alerts", approve="rule", patterns=(".alerts-w*",)),
        AccessFlow(name="web", approve="rule", patterns=("w*", "W*"), exclude=("*secret*",)),
        LINKS.model_copy(update={"approve": "rule", "owners": "resource"}),
    ),
    "by name": (
        AccessFlow(
            name="all", scope="resolved", owners=NAMED, patterns=("w*", "W*", ".alerts-*"),
            exclude=("web-secret-1", SECURITY),
        ),
    ),
    "denied": (
        AccessFlow(name="no", deny=True, patterns=("web-secret-*", ".alerts-security*", "other")),
        AccessFlow(name="all", owners=NAMED, patterns=("w*", "W*", ".alerts-w*")),
    ),
}  # fmt: skip

SPELLINGS = (
    # stars
    "*", "**", "*.*", ".*", ".**", "*-*", "*alerts*", "*secret*", "*-web", "*1", "w*", "W*", "web*", "web-*", "web-*-1",
    "w*1", "web*secret*", "web-s*", "web-se*t-1", "web-secret-*", "web-secret*", "w*b-s*t-*", ".a*", ".alerts*",
    ".alerts-*", ".alerts-s*", ".alerts-*default", ".alerts-*.*", ".alerts-*-default", ".alerts-w*", ".alerts-*b",
    ".alerts-l*", ".alerts-o*", ".*-web", ".m*", ".internal*", ".ds-*", ".fs-*", ".s*", ".security*", ".secur*y-7",
    # lists
    f"web-1,{SECRET}", f"web-1,,{SECRET}", f"web-1;{SECRET}", f"web-1|{SECRET}", f"web-1 , {SECRET}",
    f"web-1、{SECRET}",
    f".alerts-web,{ANOMALIES}", f".alerts-web and {SYSTEM}", "web*,-web-secret-1", "web*,+other", "-web-1", "--web-1",
    "web*,-*", "-*", ",", "web-*,*secret-1", ".alerts-*,.security-7", "web*,.alerts-*",
    # aliases
    *ALIASES, "Web-*", "Web-S*", "Web-H*", "WEB-SECRET", "web-b*", "web-h*", "web-a*", "x-*", ".x-*", ".x-l*",
    ".x-o*",
    # case, spaces and characters that look alike
    SECRET.upper(), SECRET.title(), SECURITY.upper(), f"{SECRET} ", f" {SECRET}", f"{SECRET}.", f"{SECRET}\u00a0",
    f"{SECRET}\u200b", "web\u200b-secret-1", "web-secret-1\u00ad", "\uff57eb-secret-1", "web\u2010secret-1",
    "web\uff0dsecret-1", "web-\u017fecret-1", "we\u0062-secret-1", "web-secret-\u0661", ". security-7",
    "\uff0esecurity-7",
    "\u2024security-7", "..security-7", "./.security-7", "web-1/../other", "web-1/other", "web-1\\other",
    # encodings, date math, selectors, other clusters, expressions
    "%77eb-secret-1", "web%2Dsecret-1", "%2Esecurity-7", "web-1%2Cother", "web-1%2cweb-secret-1", "web-secret%2d1",
    "<web-secret-{now/d}>", "<web-1>", "<web-{now/d{yyyy}}>", "%3Cweb-secret-1%3E", f"{SECRET}::data", "web-1::data",
    f"{SECRET}::failures", "web*::failures", "web-1::", "::data", "web-1::*", "web-1::DATA", f"local:{SECRET}",
    f"*:{SECRET}", ":other", f"(local):{SECRET}", "_all", "_ALL", "/.*/", "/web-secret.*/", "web-secret-[1]",
    "web?secret-1", "web-secret-?", "web-~1", "~web", "web&other", "@", "web#", "\"web-secret-1\"", "'web-secret-1'",
    f"`{SECRET}`", f"({SECRET})", f"[{SECRET}]", f"{{{SECRET},web-1}}", f"<http://{SECRET}|{SECRET}>", "!web-1",
    "web*\n.security-7", "web-1\tother", "web-1\x00other",
)  # fmt: skip


@dataclass(frozen=True)
class Attack:
    """A node, and requests to it as the application would plan them."""

    node: Node
    cluster: ElasticsearchCluster

    def planned(self, flows: Sequence[AccessFlow], typed: str, *, as_command: bool) -> tuple[ParsedRequest, Plan]:
        """The plan of what is typed. Raises `AccessError`."""
        permissions = (Permission(name="read", indices=READ),)
        policy = Policy(integrations=(PRODUCTION,), permissions=permissions, access_flows=tuple(flows))
        command = parse(f"{typed} 1h", ["read"]) if as_command else None
        if command is not None and command.draft is None:
            raise InvalidRequest("It is no request.")
        draft = command.draft if command and command.draft else _draft(typed)
        parsed = read_draft(policy, REQUESTER, draft)
        clusters, people = {"production": self.cluster}, FakeDirectory()
        accounts = OwnAccounts(people, clusters)
        routing = Routing(clusters, people, CurrentPolicy(policy), SystemClock(), accounts)
        return parsed, routing.plan(parsed)

    def read_by(self, parsed: ParsedRequest, plan: Plan) -> set[str]:
        """The protected data that a role of the plan reads, by any name that leads to it."""
        withheld = plan.aliases.withheld if plan.aliases else ()
        spec = replace(spec_of(plan.resolved or parsed.patterns), withheld=withheld, excluded=plan.excluded)
        with given(self.node, self.cluster, spec) as person:
            names = ["*", ".*", "_all", *PROTECTED, *ALIASES, *(plan.resolved or parsed.patterns)]
            return set(chain.from_iterable(found(person, name) for name in names)) & set(PROTECTED)


def _draft(typed: str) -> Draft:
    return Draft(typed, "1h")


def found(person: Elasticsearch, name: str) -> set[str]:
    """The indices of which a search under that name returns documents."""
    try:
        hits = person.search(index=name, size=100, expand_wildcards="all", ignore_unavailable=True)["hits"]["hits"]
    except (ApiError, ValueError):
        return set()
    return {".monitoring-es" if each["_index"].startswith(".ds-.monitoring") else each["_index"] for each in hits}


@pytest.fixture(scope="module", params=versions())
def attack(request: pytest.FixtureRequest) -> Iterator[Attack]:
    """A node of these tests' own, since the embedded one cannot delete its data streams."""
    with Node.start(request.param) as node:
        client = node.client()
        for name in ("web-1", SECRET, "other", ALERTS, SECURITY, ANOMALIES):
            hidden = name.startswith(".")
            client.indices.create(index=name, settings={"index.hidden": hidden, "number_of_replicas": 0})
            client.index(index=name, document={"line": name}, refresh=True)
        targets = [(alias, name) for alias, names in ALIASES.items() for name in names]
        client.indices.update_aliases(actions=[{"add": {"index": name, "alias": alias}} for alias, name in targets])
        client.indices.put_index_template(
            name="monitoring", index_patterns=[".monitoring-*"], data_stream={"hidden": True},
            template={"settings": {"number_of_replicas": 0}},
        )  # fmt: skip
        document = {"@timestamp": "2026-01-01T00:00:00Z"}
        client.index(index=".monitoring-es", op_type="create", document=document, refresh=True)
        with cluster_of(node) as cluster:
            yield Attack(node, cluster)


@pytest.mark.parametrize("flows", FLOWS.values(), ids=FLOWS)
def test_no_spelling_reads_hidden_data_of_others_excluded_data_or_a_system_index(
    attack: Attack, flows: Sequence[AccessFlow]
) -> None:
    tried: dict[tuple[object, ...], set[str]] = {}
    for typed in SPELLINGS:
        for as_command in (False, True):
            try:
                parsed, plan = attack.planned(flows, typed, as_command=as_command)
            except AccessError:
                continue
            key = (parsed.patterns, plan.resolved)
            if key not in tried:
                tried[key] = attack.read_by(parsed, plan)
            assert not tried[key], f"{typed!r} reads {tried[key]} by {parsed.patterns}"
    assert len(tried) >= 3, "some are given"
