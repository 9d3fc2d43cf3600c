"""Checks across values: duplicate names, unknown names, and keys that exclude each other.

They read the tree and not the models, so that these problems are reported together with all others.
"""

from collections.abc import Collection, Iterator, Mapping

from bot.access.models.columns import CredentialKind
from bot.access.policy.model import LIMITS_READING, PERMISSIONS, SYSTEM_INDICES
from bot.access.policy.privileges import heeds_limits
from bot.config.access_yaml.model import did_you_mean
from bot.config.access_yaml.problems import Problem
from bot.config.access_yaml.yaml_tree import Items, Keys, Scalar, Tree
from bot.secret_stores.references import open_secret_store, variable_of

_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
"""The texts that Pydantic reads as true ("Booleans", Pydantic)."""

_BUILT_IN = tuple(each.name for each in PERMISSIONS)


def cross_check(tree: Tree, variables: Mapping[str, str]) -> Iterator[Problem]:
    """The problems, in no order. `variables` may hold passwords."""
    names = {kind: list(_names(tree, kind)) for kind in ("integrations", "permissions", "access_flows")}
    for kind, found in names.items():
        yield from _twice(found, _BUILT_IN if kind == "permissions" else ())
    for integration in _entries(tree, "integrations"):
        yield from _one_address(integration)
        yield from _one_sign_in(integration)
        yield from _unset(integration, variables)
    for permission in _entries(tree, "permissions"):
        yield from _limits_without_effect(permission)
    known = {
        "permissions": (*_BUILT_IN, *(each.value for each in names["permissions"] if each.value)),
        "integrations": tuple(each.value for each in names["integrations"] if each.value),
    }
    dangerous = {_text(each, "name"): danger for each in _entries(tree, "permissions") if (danger := _danger(each))}
    system = {_text(each, "name") for each in _entries(tree, "permissions") if _is_true(each, "restricted_indices")}
    without = [each for each in _entries(tree, "integrations") if "accounts" not in each.entries]
    for flow in _entries(tree, "access_flows"):
        for key, available in known.items():
            for each in _list(flow, key):
                if isinstance(each, Scalar) and each.value is not None and each.value not in available:
                    near = did_you_mean(each.value, available)
                    yield Problem(each.line, f"{key}: there is none of this name{near}")
        yield from _undeclared_dangers(flow, dangerous)
        yield from _no_accounts(flow, without)
        yield from _exclusions_without_effect(flow, system)


def _undeclared_dangers(flow: Keys, dangerous: Mapping[str | None, str]) -> Iterator[Problem]:
    """Dangerous permissions in a flow that is not marked as dangerous."""
    if _is_true(flow, "dangerous") or _is_true(flow, "deny"):
        return
    for each in _list(flow, "permissions"):
        if isinstance(each, Scalar) and each.value is not None and each.value in dangerous:
            why = f"has {dangerous[each.value]}, which reaches further than indices"
            yield Problem(each.line, f"permissions: one of them {why}. If that is meant, write dangerous: true")


def _no_accounts(flow: Keys, without: Collection[Keys]) -> Iterator[Problem]:
    """A flow that gives access to people's own accounts in a cluster where nothing says what these are."""
    kinds = [each for each in _list(flow, "credentials") if isinstance(each, Scalar)]
    about = {each.value for each in _list(flow, "integrations") if isinstance(each, Scalar)}
    lacking = [name for each in without if (name := _text(each, "name")) and (not about or name in about)]
    for each in kinds:
        if each.value == CredentialKind.OWN_ACCOUNT and lacking and not _is_true(flow, "deny"):
            yield Problem(each.line, f"credentials: own_account needs `accounts` in the integration {lacking[0]}")


def _exclusions_without_effect(flow: Keys, system: Collection[str | None]) -> Iterator[Problem]:
    """Flows that exclude names and offer a permission whose wildcards cover the hidden indices behind these."""
    offered = [each for each in _list(flow, "permissions") if isinstance(each, Scalar) and each.value in system]
    if offered and "exclude" in flow.entries:
        yield Problem(flow.entries["exclude"][0], f"exclude: {SYSTEM_INDICES}. Offer that permission in another flow")


def _limits_without_effect(permission: Keys) -> Iterator[Problem]:
    """Limits of fields and documents in a permission that gives what does not heed them."""
    given = [each.value for each in _list(permission, "indices") if isinstance(each, Scalar) and each.value]
    others = [key for key in (_danger(permission),) if key] or ([] if heeds_limits(given) else ["indices"])
    for key in ("fields", "query"):
        if key in permission.entries and others:
            line = permission.entries[key][0]
            yield Problem(line, f"{key}: {LIMITS_READING}. {others[0]} gives more: put that into another permission")


def _danger(permission: Keys) -> str:
    """The first key that makes a permission dangerous, or an empty text."""
    if _is_true(permission, "restricted_indices"):
        return "restricted_indices"
    return next((key for key in ("cluster", "run_as") if _list(permission, key)), "")


def _is_true(tree: Keys, key: str) -> bool:
    return (_text(tree, key) or "").lower() in _TRUE


def _text(tree: Keys, key: str) -> str | None:
    value = tree.entries[key][1] if key in tree.entries else None
    return value.value if isinstance(value, Scalar) else None


def _entries(tree: Tree, key: str) -> Iterator[Keys]:
    return (each for each in _list(tree, key) if isinstance(each, Keys))


def _list(tree: Tree, key: str) -> tuple[Tree, ...]:
    value = tree.entries[key][1] if isinstance(tree, Keys) and key in tree.entries else None
    return value.items if isinstance(value, Items) else ()


def _names(tree: Tree, kind: str) -> Iterator[Scalar]:
    for each in _entries(tree, kind):
        name = each.entries["name"][1] if "name" in each.entries else None
        if isinstance(name, Scalar) and name.value is not None:
            yield name


def _twice(names: list[Scalar], built_in: tuple[str, ...]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for name in names:
        key = (name.value or "").lower()
        if key in built_in:
            yield Problem(name.line, "name: is built in: choose another one")
        elif key in first:
            yield Problem(name.line, f"name: stands on line {first[key]} already")
        else:
            first[key] = name.line


def _unset(integration: Keys, variables: Mapping[str, str]) -> Iterator[Problem]:
    for key in ("password", "api_key"):
        line, secret = integration.entries.get(key, (integration.line, None))
        reference = (secret.value or "") if isinstance(secret, Scalar) else ""
        if variable_of(reference):
            try:
                open_secret_store(reference, variables)
            except ValueError as error:
                yield Problem(line, f"{key}: {error}", in_environment=True)


def _one_sign_in(integration: Keys) -> Iterator[Problem]:
    there = integration.entries
    account = [key for key in ("username", "password") if key in there]
    if "api_key" in there and account:
        line = there["api_key"][0]
        yield Problem(line, f"api_key: takes the place of user and password: remove {' and '.join(account)}")
    elif len(account) == 1:
        yield Problem(integration.line, f"{'password' if account == ['username'] else 'username'}: is missing")
    elif not account and not {"api_key", "client_certificate"} & set(there):
        yield Problem(integration.line, "username with password, api_key or client_certificate: none is there")
    if "client_key" in there and "client_certificate" not in there:
        yield Problem(there["client_key"][0], "client_key: needs its client_certificate")


def _one_address(integration: Keys) -> Iterator[Problem]:
    url, cloud_id = (key in integration.entries for key in ("url", "cloud_id"))
    if url and cloud_id:
        yield Problem(integration.entries["cloud_id"][0], "cloud_id: there is a url as well: keep one of them")
    if not url and not cloud_id:
        yield Problem(integration.line, "url or cloud_id: neither is there")
    if "resource_owner" in integration.entries and "owner" not in integration.entries:
        line = integration.entries["resource_owner"][0]
        yield Problem(line, "resource_owner: needs an owner as well, for what has no owner in the cluster")
    if "owners_from" in integration.entries and "resource_owner" not in integration.entries:
        line = integration.entries["owners_from"][0]
        yield Problem(line, "owners_from: has no meaning without resource_owner, the key that names owners")
