"""Reads the catalogue from a cluster state: indices, data streams and aliases with their owners."""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any, Literal

from bot.access.policy.model import OwnersFrom
from bot.access.ports import Catalogue, Resource, Template
from bot.cluster.catalogue.index_templates import IndexTemplate, Templates

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_@-]+")
"""A key that needs no escape in a filter path, where a dot leads one level down and a star matches anything."""

_Meta = Mapping[str, Any]


def fields(key: str | None, owners_from: OwnersFrom = "mapping") -> list[str]:
    """The filter path of everything that `read_catalogue` reads. From a mapping that is only the owner."""
    paths = [
        "metadata.indices.*.aliases",
        "metadata.indices.*.system",
        "metadata.data_stream.data_stream.*.system",
        "metadata.data_stream.data_stream.*.indices.index_name",
        "metadata.data_stream.data_stream_aliases.*.data_streams",
    ]
    if key is None:
        return paths
    meta = owner_path(key)
    composable = "metadata.index_template.index_template.*"
    legacy = "metadata.templates.*"
    streams = "metadata.data_stream.data_stream.*"
    mappings = [f"metadata.indices.*.mappings.*.{meta}", *(f"{streams}.{each}.{meta}" for each in _OVERRIDES)]
    return [
        *paths,
        *(mappings if owners_from == "mapping" else []),
        f"{streams}.{meta}",
        *(f"{composable}.{each}" for each in ("index_patterns", "priority", "composed_of", "data_stream.hidden", meta)),
        f"{composable}.template.mappings.{meta}",
        f"metadata.component_template.component_template.*.template.mappings.{meta}",
        *(f"{legacy}.{each}" for each in ("index_patterns", "order", f"mappings.*.{meta}")),
    ]


def owner_path(key: str) -> str:
    """The filter path of the owner in a mapping or template."""
    return f"_meta.{key}" if _PLAIN_KEY.fullmatch(key) else "_meta"


_OVERRIDES = ("mappings", "mappings.*")
"""Where a data stream keeps mappings of its own, which its next backing index gets ("Update data stream mappings",
Elasticsearch 9.2); below the name of a type or not."""


def read_catalogue(
    state: Mapping[str, Any], sizes: Mapping[str, int], key: str | None, owners_from: OwnersFrom = "mapping"
) -> Catalogue:
    """The catalogue, from a cluster state filtered by `fields(key, owners_from)` and the bytes of each index.

    Without a `key` nothing has an owner. An index that a data stream took over under its own name stays a resource:
    people can request its name, and then its owner must be asked.
    """
    metadata = state.get("metadata", {})
    templates = Templates(_templates(metadata, key))
    owned = _Owned(metadata, templates, key, owners_from)
    found = sorted(owned.resources(sizes), key=attrgetter("name"))
    later = sorted(_owned_templates(templates.all), key=attrgetter("name"))
    return Catalogue(tuple(found), tuple(later), system=tuple(sorted(owned.system)))


class _Owned:
    """The indices, data streams and aliases of a cluster state, with owners."""

    def __init__(
        self, metadata: Mapping[str, Any], templates: Templates, key: str | None, owners_from: OwnersFrom
    ) -> None:
        part = metadata.get("data_stream", {})
        self._streams: Mapping[str, Any] = part.get("data_stream", {})
        self._stream_aliases: Mapping[str, Any] = part.get("data_stream_aliases", {})
        self._indices: Mapping[str, Any] = metadata.get("indices", {})
        self.system = {
            *(name for name, index in self._indices.items() if index.get("system")),
            *(name for name, stream in self._streams.items() if stream.get("system")),
        }
        self._inside = {backing: name for name, stream in self._streams.items() for backing in _backing(stream)}
        by_mapping = owners_from == "mapping"
        mapped = {name: _mapping_owner(index, key) if by_mapping else None for name, index in self._indices.items()}
        self._written = {
            # Mappings of the stream itself first: they apply from the next backing index on.
            name: (_stream_mapping_owner(stream, key) if by_mapping else None) or mapped.get(_newest(stream))
            for name, stream in self._streams.items()
        }
        self._assigned = {
            name: _owner(stream, key) or templates.owner_of(name) for name, stream in self._streams.items()
        }
        self._stream_owners = {name: self._written[name] or self._assigned[name] for name in self._streams}
        for name, owner in mapped.items():
            stream = self._inside.get(name)
            own = self._owner_outside(name, templates)
            # `manage` may put an index into a data stream, whose owner must not become that of the index.
            inherits = stream is not None and own is None
            self._written[name] = owner or (self._written[stream] if inherits and stream is not None else None)
            self._assigned[name] = self._assigned[stream] if inherits and stream is not None else own
        self._index_owners = {name: self._written[name] or self._assigned[name] for name in mapped}

    def resources(self, sizes: Mapping[str, int]) -> Iterator[Resource]:
        """All resources that can be given by name: no system indices, and no backing indices of data streams."""
        once: dict[str | None, tuple[str | None]] = {}  # so that 10,000 indices of 500 teams hold 500 tuples
        for name, owner in self._index_owners.items():
            if self._has_a_name(name):
                yield self._resource(name, "index", once.setdefault(owner, (owner,)), sizes.get(name, 0))
        for name, stream in self._streams.items():
            if self._has_a_name(name):
                size = sum(sizes.get(each, 0) for each in _backing(stream))
                shown = tuple(sorted(set(map(self._shown_inside, self._taken(name)))))
                yield self._resource(name, "data stream", self._owners_of_stream(name), size, shown)
        yield from self._alias_resources(sizes)

    def _alias_resources(self, sizes: Mapping[str, int]) -> Iterator[Resource]:
        for name, targets in self._aliases().items():
            owners = {owner for target in targets for owner in self._owners_behind(target)}
            ordered = sorted(owners, key=lambda each: (each is None, each or ""))
            inside = (each for target in targets if target in self._streams for each in self._taken(target))
            shown = tuple(sorted({*map(self._shown, targets), *map(self._shown_inside, inside)}))
            indices = {index for target in targets for index in self._indices_behind(target)}
            size = sum(sizes.get(each, 0) for each in indices)
            system = tuple(sorted(self.system.intersection(targets)))
            yield Resource(name, "alias", tuple(ordered), size, shown, system_targets=system)

    def _has_a_name(self, name: str) -> bool:
        """Whether people can ask for an index or data stream by its name. System indices have a leading dot."""
        return not name.startswith(".") or not (name in self.system or name.startswith(_INSIDE_STREAMS))

    def _owner_outside(self, name: str, templates: Templates) -> str | None:
        """The owner that an index would have outside its data stream; `None` if that stream made it."""
        stream = self._inside.get(name)
        if stream is not None and _is_made_by(stream, name):
            return None
        first = _first_stream(name) if stream is not None else None
        if first in self._stream_owners:
            return self._stream_owners[first]
        return templates.owner_of(first or name)

    def _resource(
        self,
        name: str,
        kind: Literal["index", "data stream"],
        owners: tuple[str | None, ...],
        size: int,
        targets: tuple[str, ...] = (),
    ) -> Resource:
        written, assigned, stream = self._written[name], self._assigned[name], self._inside.get(name)
        return Resource(name, kind, owners, size, targets, written=written, assigned=assigned, stream=stream)

    def _aliases(self) -> dict[str, list[str]]:
        """Alias → its targets, as the cluster names them."""
        aliases: dict[str, list[str]] = {}
        for name, index in self._indices.items():
            for alias in index.get("aliases", ()):
                aliases.setdefault(alias, []).append(name)
        for alias, body in self._stream_aliases.items():
            aliases.setdefault(alias, []).extend(body.get("data_streams", ()))
        return aliases

    def _indices_behind(self, target: str) -> Iterable[str]:
        return [target] if target in self._indices else _backing(self._streams.get(target, {}))

    def _owners_behind(self, target: str) -> tuple[str | None, ...]:
        if target in self._index_owners:
            return (self._index_owners[target],)
        return self._owners_of_stream(target) if target in self._streams else (None,)

    def _taken(self, stream: str) -> Iterator[str]:
        """The indices in a data stream that it did not make."""
        backing = _backing(self._streams[stream])
        return (each for each in backing if each in self._index_owners and not _is_made_by(stream, each))

    def _shown_inside(self, index: str) -> str:
        return (_first_stream(index) or index) if index.startswith(".") else index

    def _owners_of_stream(self, name: str) -> tuple[str | None, ...]:
        """Its owner, then those of the indices in it that another name or owner came with."""
        others = (self._index_owners[each] for each in self._taken(name))
        return tuple(dict.fromkeys((self._stream_owners[name], *others)))

    def _shown(self, target: str) -> str:
        """The name that people know: for a backing index, the one of its data stream."""
        return self._inside.get(target, target) if target.startswith(".") else target


_INSIDE_STREAMS = (".ds-", ".fs-")
"""Beginnings of the names of indices that a data stream makes, for its data and for its failure store."""


def _backing(stream: Mapping[str, Any]) -> Iterator[str]:
    return (each["index_name"] for each in stream.get("indices", ()))


_GENERATION = r"-(?:\d{4}\.\d\d\.\d\d-)?\d{6,}(?:-.*)?"
"""The end of the name of a backing index. A shrink, a downsampling, a mount or an upgrade adds to its beginning, or to
its end."""

_ENDS = re.compile(_GENERATION)

_MADE_BY = re.compile(rf"(?:.*-)?\.?ds-(.+?){_GENERATION}")


def _is_made_by(stream: str, index: str) -> bool:
    """Whether a backing index has the name that this data stream gave it, or one derived from that."""
    _, mark, generation = index.rpartition(f"ds-{stream}-")
    return mark != "" and _ENDS.fullmatch(f"-{generation}") is not None


def _first_stream(index: str) -> str | None:
    """The data stream that made a backing index, by its name."""
    made = _MADE_BY.fullmatch(index)
    return made[1] if made is not None else None


def _newest(stream: Mapping[str, Any]) -> str:
    """The backing index that receives writes, which is the last one."""
    backing = list(_backing(stream))
    return backing[-1] if backing else ""


# --- owners as written --------------------------------------------------------------------------------------------


def _owner(body: Mapping[str, Any], key: str | None) -> str | None:
    """The owner in the `_meta` of `body`. A value that is not a string is returned as JSON, for messages."""
    value = body.get("_meta", {}).get(key)
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return sys.intern(text) if text.strip() else None


def _stream_mapping_owner(stream: Mapping[str, Any], key: str | None) -> str | None:
    own = stream.get("mappings", {})
    typed = (each for name, each in own.items() if name != "_meta" and isinstance(each, Mapping))
    return _owner(own, key) or next((owner for each in typed if (owner := _owner(each, key))), None)


def _mapping_owner(body: Mapping[str, Any], key: str | None) -> str | None:
    # A cluster state has the mapping below the name of its type, which has been `_doc` everywhere since version 7.
    return next((owner for each in body.get("mappings", {}).values() if (owner := _owner(each, key))), None)


def _templates(metadata: Mapping[str, Any], key: str | None) -> Iterator[IndexTemplate]:
    components = metadata.get("component_template", {}).get("component_template", {})
    for name, body in metadata.get("index_template", {}).get("index_template", {}).items():
        owner = _composed_owner(body, components, key)
        yield IndexTemplate(name, tuple(body["index_patterns"]), owner, body.get("priority", 0))
    for name, body in metadata.get("templates", {}).items():
        if owner := _mapping_owner(body, key):
            yield IndexTemplate(name, tuple(body["index_patterns"]), owner, body.get("order", 0), legacy=True)


def _composed_owner(body: Mapping[str, Any], components: Mapping[str, Any], key: str | None) -> str | None:
    """The owner of the indices and data streams that the template will create.

    They get its mapping, in which the template's own part overrides its components, and a later component an earlier
    one ("Index templates", Elasticsearch). The `_meta` of the template itself comes last.
    """
    mappings = (part.get("template", {}).get("mappings", {}) for part in _parts(body, components))
    return next((owner for each in mappings if (owner := _owner(each, key))), None) or _owner(body, key)


def _parts(body: Mapping[str, Any], components: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield body
    for name in reversed(body.get("composed_of", ())):
        yield components.get(name, {})


def _owned_templates(templates: Iterable[IndexTemplate]) -> Iterator[Template]:
    """The templates with an owner."""
    for each in templates:
        if each.owner is not None:
            yield Template(each.name, each.patterns, each.owner)
