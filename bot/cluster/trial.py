"""Tries a new credential before anybody is shown it."""

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.errors import Fault, Outage, Refusal, Unusable
from bot.access.ids import CHECK_PREFIX
from bot.access.models.columns import CredentialKind
from bot.access.models.limits import Limits
from bot.access.ports import Credential, CredentialSpec, Privileges
from bot.cluster.client import Unaccepted, ask, ask_as_user, ask_if_exists
from bot.cluster.limits import check_role
from bot.cluster.ownership import METADATA_KEY
from bot.cluster.password_hasher import hashed
from bot.cluster.roles import role_body

PAUSES_SECONDS = (0.05, 0.2, 0.5, 1.0)
"""Before each further try: other nodes know a new user or role after 20 to 150 ms (measured on three nodes)."""

CHECK_LASTS = timedelta(minutes=5)
"""After this time the user of a check that was killed is removed by reconciliation."""

_MOST_NAMED = 3
"""Privileges that an error names."""


def try_out(client: Elasticsearch, spec: CredentialSpec, credential: Credential) -> None:
    """Signs in with the credential and asks the cluster, in one call, for everything that it was given.

    Users to run as cannot be asked for. Features of Kibana are not: where Kibana has no such feature, the answer is no
    although everything else works, and `bot check` names the feature. Raises `Unusable`, and `Outage` if the cluster
    does not answer.
    """
    asked = question(role_body(spec))
    secret = credential.secret.get_secret_value()
    by_key = credential.kind is CredentialKind.API_KEY
    user = client.options(api_key=secret) if by_key else client.options(basic_auth=(spec.username, secret))
    for pause in (*PAUSES_SECONDS, None):
        try:
            answer = ask_as_user(client, lambda: user.security.has_privileges(**asked))
            fault = _fault(spec, answer)
        except Unaccepted as error:
            if not error.may_pass:
                raise Unusable(str(error), Fault.NOT_EVALUATED) from None
            fault = Unusable(str(error), Fault.NOT_ACCEPTED)
        if fault is None:
            return
        if pause is None:
            _check_cluster(client, spec, credential)
            raise fault
        time.sleep(pause)


def question(role: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a call that asks for the privileges of a role, but for those in Kibana."""
    indices = [
        {key: each[key] for key in ("names", "privileges", "allow_restricted_indices") if key in each}
        for each in role.get("indices", ())
    ]
    return {
        "index": indices,
        **({"cluster": role["cluster"]} if role.get("cluster") else {}),
    }


def _fault(spec: CredentialSpec, answer: Mapping[str, Any]) -> Unusable | None:
    if answer["username"] != spec.username:
        return Unusable("Elasticsearch took the new credential for that of another account", Fault.NOT_ACCEPTED)
    if answer["has_all_requested"]:
        return None
    missing = list(dict.fromkeys(_missing(answer)))
    more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
    return Unusable(f"the cluster does not give {', '.join(missing[:_MOST_NAMED])}{more}", Fault.GIVES_LESS)


def _missing(answer: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name, given in answer.get("cluster", {}).items() if not given)
    for name, privileges in answer.get("index", {}).items():
        yield from (f"{privilege} on {name}" for privilege, given in privileges.items() if not given)


def _check_cluster(client: Elasticsearch, spec: CredentialSpec, credential: Credential) -> None:
    """Raises `Outage` if the cluster cannot read its users and keys, without which it accepts nobody."""
    if credential.key_id is not None:
        ask_if_exists(client, lambda: client.security.get_api_key(id=credential.key_id))
    elif not ask_if_exists(client, lambda: client.security.get_user(username=spec.username)):
        raise Outage(f"the user {spec.username} is gone")


def try_limits(client: Elasticsearch, limits: Limits, now: datetime) -> None:
    """Makes a role with these limits, reads it back and deletes it. Raises `Outage`, `Refusal`, `Unusable`."""
    name = f"{CHECK_PREFIX}{secrets.token_hex(4)}"
    mark = {METADATA_KEY: {"grant": name, "expires_at": (now + CHECK_LASTS).isoformat()}}
    spec = CredentialSpec(name, name, "", (name,), Privileges(("read",), limits=limits), now + CHECK_LASTS)
    security = client.security
    try:
        body = role_body(spec)
        ask(client, lambda: security.put_role(name=name, **body, metadata=mark, refresh=False))
        check_role(client, name, body["indices"])
    finally:
        with suppress(Outage, Refusal):  # reconciliation removes the rest
            ask_if_exists(client, lambda: security.delete_role(name=name, refresh=False))


def try_own_user(client: Elasticsearch, now: datetime) -> None:
    """Makes a user and a role, tries them, and deletes them. Raises `Outage`, `Refusal`, `Unusable`.

    The role gives nothing but `read` on an index that does not exist.
    """
    name, password = f"{CHECK_PREFIX}{secrets.token_hex(4)}", SecretStr(secrets.token_urlsafe(24))
    mark = {METADATA_KEY: {"grant": name, "expires_at": (now + CHECK_LASTS).isoformat()}}
    spec = CredentialSpec(name, name, "", (name,), Privileges(("read",)), now + CHECK_LASTS)
    security = client.security
    try:
        ask(client, lambda: security.put_role(name=name, **role_body(spec), metadata=mark, refresh=False))
        secret = hashed(password)
        user: dict[str, Any] = {"roles": [name], "metadata": mark, "refresh": False}
        ask(client, lambda: security.put_user(username=name, password_hash=secret, **user))
        try_out(client, spec, Credential(name, password))
    finally:
        for delete in (
            lambda: security.delete_user(username=name, refresh=False),
            lambda: security.delete_role(name=name, refresh=False),
        ):
            with suppress(Outage, Refusal):  # reconciliation removes the rest
                ask_if_exists(client, delete)
