"""The application's objects in the cluster, as shown on the page."""

from elasticsearch import ApiError, Elasticsearch, TransportError

from bot.cluster.ownership import METADATA_KEY
from bot.sandbox.workspace.model import JsonObject


def made_by_application(client: Elasticsearch) -> JsonObject:
    """Users, roles and live API keys that carry the application's metadata, or `error` when the node does not answer.

    The node lists them by a search, so a change may show a second later.
    """
    security = client.security
    try:
        users, roles = security.get_user().body, security.get_role().body
        keys = security.get_api_key(active_only=True)["api_keys"]
    except (ApiError, TransportError) as error:
        return {"error": f"Elasticsearch does not answer: {type(error).__name__}", "users": [], "roles": [], "keys": []}
    return {
        "error": None,
        "users": [
            {"name": name, "more": _more(one), "enabled": one["enabled"]} for name, one in users.items() if _ours(one)
        ],
        "roles": [{"name": name, "more": _rights(one)} for name, one in roles.items() if _ours(one)],
        "keys": [
            {"name": one["name"], "id": one["id"], "more": _more(one)} for one in keys if _ours(one) or _of_ours(one)
        ],
    }


def _ours(found: JsonObject) -> bool:
    return METADATA_KEY in (found.get("metadata") or {})


def _of_ours(key: JsonObject) -> bool:
    """Whether the key was created by a user that the application made."""
    return str(key.get("username", "")).startswith("es-access-")


def _more(found: JsonObject) -> JsonObject:
    about = (found.get("metadata") or {}).get(METADATA_KEY, {})
    return {name: str(text) for name, text in about.items()} if isinstance(about, dict) else {}


def _rights(role: JsonObject) -> JsonObject:
    held = [f"{', '.join(index['privileges'])} on {', '.join(index['names'])}" for index in role.get("indices", [])]
    return {"gives": "; ".join(held)} | _more(role)
