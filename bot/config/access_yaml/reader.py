"""Reads `access.yaml` into a configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError

from bot.access.policy.model import PERMISSIONS, Integration, Permission, Policy
from bot.access.policy.undercuts import find_undercuts
from bot.cluster.client import ClusterConnection
from bot.config.access_yaml.cross_checks import cross_check
from bot.config.access_yaml.error_messages import sentences
from bot.config.access_yaml.model import IntegrationEntry, PolicyFile
from bot.config.access_yaml.problems import PolicyFileError, Problem
from bot.config.access_yaml.yaml_tree import Keys, Tree, lines_of, parse_tree, to_plain
from bot.config.configuration import Configuration, Upkeep, ca_file_of, cloud_url
from bot.config.secret_references import connector_secret
from bot.secret_stores.references import open_secret_store

LARGEST_BYTES = 1024 * 1024
"""Enough for thousands of access flows. A larger file is the wrong one."""

_WHOLE = 1
"""The line for a problem of the whole file."""


def read(path: Path, variables: Mapping[str, str]) -> Configuration:
    """Reads the configuration; `env:NAME` refers to `variables`. Raises `PolicyFileError`.

    It has no side effects, so the running application may call it again.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        _refuse(Problem(_WHOLE, f"the file cannot be read: {error.strerror}"))
    return parse(content, variables)


def parse(content: bytes, variables: Mapping[str, str]) -> Configuration:
    """Parses the content of the file. Raises `PolicyFileError` with all problems."""
    tree, problems = parse_tree(_text(content))
    if tree is None:
        raise PolicyFileError(problems or [Problem(_WHOLE, "the file: is empty")])
    if not isinstance(tree, Keys):
        _refuse(*problems, Problem(tree.line, "the file: must have keys, each as “key: value”"))
    file, found = _validated(tree)
    # On lines with YAML errors, further problems are only consequences.
    broken_lines = {each.line for each in problems}
    problems += (each for each in (*found, *cross_check(tree, variables)) if each.line not in broken_lines)
    if file is None or problems:
        raise PolicyFileError(problems)
    configuration = _configuration(file, variables)
    if file.strict:
        _check_undercuts(configuration.policy, tree)
    return configuration


def _check_undercuts(policy: Policy, tree: Keys) -> None:
    """Raises `PolicyFileError` with a problem for each flow that undercuts another: names of flows are no secrets."""
    names = [each.name for each in policy.access_flows]
    lines = dict(zip(names, lines_of(tree, "access_flows"), strict=True))
    problems = [
        Problem(
            lines[each.weaker.name],
            f"strict: the flow “{each.weaker.name}” undercuts “{each.stricter.name}” on line "
            f"{lines[each.stricter.name]}, so that the same data is given with less demanded. With strict: false, "
            "bot check shows an example",
        )
        for each in find_undercuts(policy)
    ]
    if problems:
        raise PolicyFileError(problems)


def _refuse(*problems: Problem) -> NoReturn:
    raise PolicyFileError(problems)


def _text(content: bytes) -> str:
    if len(content) > LARGEST_BYTES:
        _refuse(Problem(_WHOLE, "the file: is larger than 1 MiB"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(Problem(content.count(b"\n", 0, error.start) + 1, "is not written in UTF-8"))


def _validated(tree: Tree) -> tuple[PolicyFile | None, list[Problem]]:
    try:
        return PolicyFile.model_validate(to_plain(tree)), []
    except ValidationError as error:
        return None, list(sentences(error.errors(include_url=False, include_input=False), tree))


def _configuration(file: PolicyFile, variables: Mapping[str, str]) -> Configuration:
    return Configuration(
        Policy(
            integrations=tuple(map(_integration, file.integrations)),
            permissions=(*PERMISSIONS, *(Permission(**dict(each)) for each in file.permissions)),
            access_flows=file.access_flows,
            pending_for=file.pending_duration,
            pending_per_person=file.pending_per_person,
            requests_per_hour=file.requests_per_hour,
        ),
        {each.name: _connection(each, variables) for each in file.integrations},
        {each.name: Upkeep(each.credential_rotation_days, each.user_cleanup_days) for each in file.integrations},
    )


def _integration(entry: IntegrationEntry) -> Integration:
    return Integration(
        name=entry.name,
        owner=entry.owner,
        resource_owner=entry.resource_owner,
        owners_from=entry.owners_from,
        public_url=entry.public_url or entry.url or cloud_url(entry.cloud_id or ""),
        access_details=entry.access_details,
        ca_file=ca_file_of(entry.ca_certs, entry.ca_hint, own_address=entry.public_url is not None),
        ca_hint=entry.ca_hint,
        kibana_url=entry.kibana_url,
        kibana_space=entry.kibana_space,
        user_cleanup_days=entry.user_cleanup_days,
        accounts=entry.accounts,
    )


def _connection(entry: IntegrationEntry, variables: Mapping[str, str]) -> ClusterConnection:
    reference = entry.password or entry.api_key
    store = None if reference is None else open_secret_store(reference.get_secret_value(), variables)
    return ClusterConnection(
        username=entry.username or "",
        **connector_secret(store, is_key=entry.api_key is not None),
        url=entry.url,
        cloud_id=entry.cloud_id,
        ca_certs=entry.ca_certs,
        client_certificate=entry.client_certificate,
        client_key=entry.client_key,
    )
