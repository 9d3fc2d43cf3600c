"""Reading the catalogue from cluster states: from recorded ones, and from a small one for each rule about owners.

The recordings come from the embedded node of each version; `tests/integration/test_catalogue.py` makes them and
compares them with the node's present state.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.access.ports import Catalogue, Resource, Template
from bot.cluster.catalogue.cluster_state import fields, read_catalogue

RECORDINGS = sorted((Path(__file__).parents[2] / "fixtures").glob("cluster-state-*.json"))


def of(metadata: dict[str, Any], sizes: dict[str, int] | None = None, key: str | None = "owner") -> Catalogue:
    return read_catalogue({"metadata": metadata}, sizes or {}, key)


def owners(catalogue: Catalogue) -> dict[str, tuple[str | None, ...]]:
    return {each.name: each.owners for each in catalogue.resources}


def index(owner: object = None, *aliases: str) -> dict[str, Any]:
    mapping = {} if owner is None else {"mappings": {"_doc": {"_meta": {"owner": owner}}}}
    return {"aliases": list(aliases), **mapping}


def template(pattern: str, owner: str | None = None, priority: int | None = None, **more: Any) -> dict[str, Any]:
    meta = {} if owner is None else {"_meta": {"owner": owner}}
    rank = {} if priority is None else {"priority": priority}
    return {"index_patterns": pattern.split(","), "composed_of": [], **meta, **rank, **more}


def composable(**templates: dict[str, Any]) -> dict[str, Any]:
    return {"index_template": {"index_template": templates}}


def stream(*backing: str, owner: str | None = None) -> dict[str, Any]:
    meta = {} if owner is None else {"_meta": {"owner": owner}}
    return {"indices": [{"index_name": name} for name in backing], **meta}


def streams(**found: dict[str, Any]) -> dict[str, Any]:
    return {"data_stream": {"data_stream": found}}


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_recorded_state_of_a_real_node_is_read_whole(recording: Path) -> None:
    sizes = {".ds-web-access-2026.01.31-000001": 500, ".ds-web-access-2026.01.31-000002": 200, "shop-carts": 7}
    found = read_catalogue(json.loads(recording.read_text()), sizes, "owner")
    assert {each for each in found.resources if each.kind != "index"} == {
        Resource(".security", "alias", targets=(".security-7",), system_targets=(".security-7",)),
        Resource("bare-metrics", "data stream"),
        Resource("from-outside", "alias", ("@nobody",), targets=(".system-like",)),
        Resource("shop.all", "alias", ("@orders", "@shop", None), 7, ("shop-carts", "shop-orders.2026", "unowned")),
        Resource("streams", "alias", ("@web", None), 700, ("bare-metrics", "web-access")),
        Resource("web-access", "data stream", ("@web",), 700, assigned="@web"),
    }
    assert Resource("shop-carts", "index", ("@shop",), 7, assigned="@shop") in found.resources
    assert [each.name for each in found.templates] == ["all.shop", "mapped", "of.parts", "web.streams"]


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_mapping_of_the_newest_backing_index_goes_before_the_owner_of_its_data_stream(recording: Path) -> None:
    state = json.loads(recording.read_text())
    mappings = state["metadata"]["indices"]["list"]["mappings"]
    for number, owner in ((1, "@before"), (2, "@now")):
        backing = state["metadata"]["indices"][f".ds-web-access-2026.01.31-00000{number}"]
        backing["mappings"] = json.loads(json.dumps(mappings).replace('["@a", "@b"]', f'"{owner}"'))
    found = owners(read_catalogue(state, {}, "owner"))
    assert (found["web-access"], found["streams"]) == (("@now",), ("@now", None))


def test_there_is_a_recording_of_each_version() -> None:
    assert [path.stem for path in RECORDINGS] == ["cluster-state-8.19.21", "cluster-state-9.5.3"]


# --- indices --------------------------------------------------------------------------------------------------------


def test_mapping_goes_before_the_template() -> None:
    found = of({"indices": {"logs-a": index("@mapping")}, **composable(t=template("logs-*", "@template"))})
    assert owners(found) == {"logs-a": ("@mapping",)}


def test_template_of_the_highest_priority_holds_alone() -> None:
    found = of({
        "indices": {"logs-a": index(), "logs-web-a": index(), "logs-web-x-a": index(), "other": index()},
        **composable(
            low=template("logs-*", "@low"),  # without a priority it is the lowest
            high=template("logs-web-*,x-*", "@high", 10),
            silent=template("logs-*-x-*", None, 20),
        ),
    })  # fmt: skip
    assert owners(found) == {
        "logs-a": ("@low",), "logs-web-a": ("@high",), "logs-web-x-a": (None,), "other": (None,),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*", {"logs", "logs-a", "a-logs"}),
        ("logs", {"logs"}),
        ("logs*", {"logs", "logs-a"}),
        ("*logs", {"logs", "a-logs"}),
        ("l*s", {"logs"}),
        ("*-*", {"logs-a", "a-logs"}),
    ],
)
def test_patterns_of_a_template_match_as_in_elasticsearch(pattern: str, names: set[str]) -> None:
    found = of(
        {"indices": dict.fromkeys(("logs", "logs-a", "a-logs"), index()), **composable(t=template(pattern, "@t"))}
    )
    assert {each.name for each in found.resources if each.owners == ("@t",)} == names


def test_legacy_template_holds_where_there_is_no_other() -> None:
    legacy = {"index_patterns": ["*"], "order": 99, "mappings": {"_doc": {"_meta": {"owner": "@old"}}}}
    found = of(
        {"indices": {"a": index(), "logs-a": index()}, "templates": {"old": legacy}, **composable(t=template("logs-*"))}
    )
    assert owners(found) == {"a": ("@old",), "logs-a": (None,)}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (["@a", "@b"], '["@a", "@b"]'),
        ({"team": "é"}, '{"team": "é"}'),
        (7, "7"),
        (False, "false"),
        ("", None),
        ("  ", None),
        ("not an owner", "not an owner"),
    ],
)
def test_owner_that_is_no_text_comes_as_its_json_and_an_empty_one_is_none(value: object, written: str | None) -> None:
    assert owners(of({"indices": {"a": index(value)}})) == {"a": (written,)}


def test_indices_of_one_owner_share_what_names_it() -> None:
    found = of(json.loads(json.dumps({"indices": {f"logs-{n}": index("@team") for n in range(3)}})))
    assert len({id(each.owners) for each in found.resources}) == 1


def test_index_without_a_known_size_counts_nothing() -> None:
    assert of({"indices": {"closed": index()}}).resources == (Resource("closed", "index"),)


def test_cluster_with_nothing_in_it_is_empty() -> None:
    assert read_catalogue({}, {}, "owner") == Catalogue(())


def test_without_a_key_nothing_of_owners_is_asked_or_found() -> None:
    assert not [path for path in fields(None) if "_meta" in path or "template" in path]
    assert owners(of({"indices": {"a": index("@a")}}, key=None)) == {"a": (None,)}


# --- data streams ---------------------------------------------------------------------------------------------------


def test_data_stream_has_its_own_owner_before_its_templates() -> None:
    found = of({**streams(mine=stream(owner="@mine"), theirs=stream()), **composable(t=template("*", "@template"))})
    assert owners(found) == {"mine": ("@mine",), "theirs": ("@template",)}


def test_older_mapping_does_not_speak_for_a_data_stream() -> None:
    found = of(
        {
            "indices": {".ds-logs-000001": index("@before"), ".ds-logs-000002": index()},
            **streams(logs=stream(".ds-logs-000001", ".ds-logs-000002", owner="@o")),
        }
    )
    assert owners(found) == {"logs": ("@o",)}


def test_backing_indices_are_part_of_their_data_stream_and_no_more() -> None:
    backing = (".ds-logs-2026.01.31-000001", ".ds-logs-2026.01.31-000002")
    found = of(
        {"indices": dict.fromkeys(backing, index("@x")), **streams(logs=stream(*backing))},
        {backing[0]: 5, backing[1]: 6},
    )
    assert found.resources == (Resource("logs", "data stream", ("@x",), 11, written="@x"),)


def test_index_that_a_data_stream_took_over_can_be_asked_for_and_has_its_owner() -> None:
    # A migration to a data stream leaves names as they are: a role on `old-*` reaches what the stream's owner owns.
    found = of({"indices": {"old-1": index()}, **streams(logs=stream("old-1", owner="@logs"))})
    assert owners(found) == {"logs": ("@logs",), "old-1": ("@logs",)}


TAKEN = {
    "secret-1": index("@ops"),
    "secret-2": index(),
    ".ds-audit-2026.01.31-000001": index(),
    ".ds-pay-2026.01.31-000001": index(),
    ".ds-mine-2026.01.31-000001": index("@before"),
    "shrink-a1b2-.ds-mine-2026.01.31-000002": index("@before"),
    ".ds-mine-2026.01.31-000003": index(),
}
"""Indices that `manage` has put into the data stream `mine`, and those that this made by itself."""


def test_an_index_that_was_put_into_a_data_stream_keeps_its_owner_who_owns_the_stream_as_well() -> None:
    """`manage` on both is enough for it (`_data_stream/_modify`): readers of the stream then read the index."""
    found = of({
        "indices": TAKEN,
        **composable(t=template("secret-*", "@secret"), u=template("audit", "@audit")),
        "data_stream": {
            "data_stream": {"mine": stream(*TAKEN, owner="@mine"), "pay": stream(owner="@pay")},
            "data_stream_aliases": {"all": {"data_streams": ["mine"]}},
        },
    })  # fmt: skip
    assert owners(found) == {
        "secret-1": ("@ops",),
        "secret-2": ("@secret",),
        "shrink-a1b2-.ds-mine-2026.01.31-000002": ("@before",),
        "mine": ("@mine", "@ops", "@secret", "@audit", "@pay"),
        "all": ("@audit", "@mine", "@ops", "@pay", "@secret"),
        "pay": ("@pay",),
    }
    targets = {each.name: each.targets for each in found.resources if each.targets}
    assert targets == {
        "mine": ("audit", "pay", "secret-1", "secret-2"), "all": ("audit", "mine", "pay", "secret-1", "secret-2"),
    }  # fmt: skip


# --- aliases --------------------------------------------------------------------------------------------------------


def test_alias_has_each_owner_of_what_it_points_to_once() -> None:
    indices = {
        "a": index("@x", "all", ".hidden"),
        "b": index("@x", "all"),
        ".c": index("@y", "all"),
        "d": index(None, "all"),
    }
    found = of({"indices": indices}, {"a": 5, ".c": 3})
    assert Resource("all", "alias", ("@x", "@y", None), 8, (".c", "a", "b", "d")) in found.resources
    assert owners(found)[".hidden"] == ("@x",)


def test_alias_of_data_streams_has_their_owners() -> None:
    state = streams(one=stream(owner="@one"), two=stream(owner="@two"))
    state["data_stream"]["data_stream_aliases"] = {"both": {"data_streams": ["one", "two"]}}
    assert owners(of(state))["both"] == ("@one", "@two")


def test_alias_of_a_backing_index_names_the_data_stream_and_a_renamed_index_keeps_its_name() -> None:
    indices = {
        ".ds-logs-000001": index(None, "all"),
        ".ds-logs-000002": index(None, "all"),
        "old-1": index(None, "all"),
    }
    found = of({"indices": indices, **streams(logs=stream(*indices, owner="@logs"))})
    assert {each.name: each.targets for each in found.resources} == {
        "all": ("logs", "old-1"), "logs": ("old-1",), "old-1": (),
    }  # fmt: skip


# --- templates ------------------------------------------------------------------------------------------------------


def mapped(owner: str) -> dict[str, Any]:
    return {"template": {"mappings": {"_meta": {"owner": owner}}}}


def test_what_an_index_will_carry_goes_before_what_its_template_says_of_itself() -> None:
    found = of(composable(t=template("logs-*", "@says", **mapped("@carries"))))
    assert found.templates == (Template("t", ("logs-*",), "@carries"),)


def test_data_stream_will_have_what_its_indices_will_carry_before_what_its_template_says_of_itself() -> None:
    both, one = template("logs-*", "@says", **mapped("@carries")), template("web-*", "@says")
    found = of(composable(t=both | {"data_stream": {"hidden": False}}, u=one | {"data_stream": {"hidden": False}}))
    assert found.templates == (Template("t", ("logs-*",), "@carries"), Template("u", ("web-*",), "@says"))


def test_last_component_with_an_owner_holds_where_the_template_has_none() -> None:
    state = composable(t={**template("logs-*"), "composed_of": ["first", "last", "bare", "missing"]})
    state["component_template"] = {"component_template": {"first": mapped("@first"), "last": mapped("@last")}}
    assert of(state).templates == (Template("t", ("logs-*",), "@last"),)


def test_template_without_an_owner_is_left_out() -> None:
    found = of(composable(a=template(".a-*", "@a"), b=template(".b-*,b-*", "@b"), c=template("c-*")))
    assert found.templates == (Template("a", (".a-*",), "@a"), Template("b", (".b-*", "b-*"), "@b"))


# --- where owners are written ---------------------------------------------------------------------------------------


def test_what_access_could_write_is_told_from_what_it_could_not() -> None:
    found = of({
        "indices": {
            "logs-a": index("@mapping"), "logs-b": index(), "logs-in": index(), ".ds-logs-000001": index("@newest"),
        },
        **composable(t=template("logs-*", "@template")),
        **streams(logs=stream("logs-in", ".ds-logs-000001", owner="@stream")),
    })  # fmt: skip
    assert {each.name: (each.written, each.assigned, each.stream) for each in found.resources} == {
        "logs": ("@newest", "@stream", None),
        "logs-a": ("@mapping", "@template", None),
        "logs-b": (None, "@template", None),
        "logs-in": (None, "@template", "logs"),
    }


@pytest.mark.parametrize("mappings", [{"_meta": {"owner": "@to-come"}}, {"_doc": {"_meta": {"owner": "@to-come"}}}])
def test_mapping_that_a_data_stream_keeps_for_its_next_index_is_its_owner_already(mappings: dict[str, Any]) -> None:
    """`manage` may write it, and it would take effect after the access, at the next rollover."""
    found = of({
        "indices": {".ds-logs-000001": index("@newest")},
        **streams(logs={**stream(".ds-logs-000001", owner="@stream"), "mappings": mappings}),
    })  # fmt: skip
    assert owners(found) == {"logs": ("@to-come",)}
    assert {"metadata.data_stream.data_stream.*.mappings._meta.owner"} <= set(fields("owner"))


def test_owners_from_templates_are_in_no_mapping() -> None:
    state = {"metadata": {
        "indices": {"logs-a": index("@mapping"), "other": index("@mapping"), ".ds-logs-000001": index("@newest")},
        **composable(t=template("logs-*", "@template")),
        **streams(logs=stream(".ds-logs-000001", owner="@stream")),
    }}  # fmt: skip
    found = read_catalogue(state, {}, "owner", "template")
    assert owners(found) == {"logs": ("@stream",), "logs-a": ("@template",), "other": (None,)}
    assert {each.written for each in found.resources} == {None}
    assert not [each for each in fields("owner", "template") if each.startswith("metadata.indices.*.mappings")]


def test_hidden_names_are_there_and_system_indices_and_backing_indices_are_not() -> None:
    system = {**index(None, ".kibana"), "system": True}
    indices = {".alerts-1": index("@alerts", ".alerts"), ".kibana_1": system, ".ds-gone-2026.01.01-000001": index()}
    found = of({"indices": indices})
    assert owners(found) == {".alerts": ("@alerts",), ".alerts-1": ("@alerts",), ".kibana": (None,)}
    assert {each.name: each.system_targets for each in found.resources if each.system_targets} == {
        ".kibana": (".kibana_1",)
    }
    assert found.system == (".kibana_1",)
