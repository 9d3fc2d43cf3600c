"""Aliases: their targets as the owners saw them, the ones that are never given, and moves to other targets.

Elasticsearch gives the holder of an alias its present targets: hidden indices too, and indices that nothing else in
the role covers (measured on 8.19 and 9.5).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.access.errors import NotAllowed, RequestField
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.names.evaluation import check_evaluable
from bot.access.policy.names.exclusion import excluded_under, leads_to_excluded
from bot.access.policy.patterns import covers, is_dotted, matcher
from bot.access.ports import Catalogue, Resource

Owner = str | None
"""An owner as written in the cluster; `None` stands for no owner."""


@dataclass(frozen=True)
class SeenAliases:
    """The aliases of a request as its owners saw them, stored with it.

    `targets` holds the targets of each alias. Aliases whose targets the role covers anyway are left out, except under
    scope `resolved`, where the role names the targets. `owners` are the owners of these targets. `asked` are the owners
    of everything that the request covered, all of whom had to approve; `None` if resource owners were not asked.
    `withheld` are the aliases that match and are not given.
    """

    targets: Mapping[str, tuple[str, ...]]
    owners: Mapping[str, tuple[Owner, ...]]
    asked: tuple[Owner, ...] | None = None
    withheld: tuple[str, ...] = ()

    def stored(self) -> dict[str, Any]:
        """The form stored with the request, as JSON."""
        return {
            "targets": {alias: list(names) for alias, names in self.targets.items()},
            "owners": {alias: list(owners) for alias, owners in self.owners.items()},
            "asked": None if self.asked is None else list(self.asked),
            "withheld": list(self.withheld),
        }

    def plus(self, other: "SeenAliases") -> "SeenAliases":
        """The aliases approved with either of two requests."""
        asked = None if self.asked is None or other.asked is None else _joined(self.asked, other.asked)
        return SeenAliases(
            _united(self.targets, other.targets), _united(self.owners, other.owners), asked, self.withheld
        )


NONE_SEEN = SeenAliases({}, {})
"""For a request that was filed without a look at its aliases."""


def read_aliases(stored: Mapping[str, Any] | None) -> SeenAliases:
    """Reads the aliases that were stored with a request."""
    if stored is None:
        return NONE_SEEN
    return SeenAliases(
        {alias: tuple(names) for alias, names in stored["targets"].items()},
        {alias: tuple(owners) for alias, owners in stored["owners"].items()},
        None if stored["asked"] is None else tuple(stored["asked"]),
        tuple(stored["withheld"]),
    )


def see_aliases(
    patterns: Sequence[str],
    resolved: Sequence[str] | None,
    found: Iterable[Resource],
    asked: Iterable[Owner] | None,
    withheld: Sequence[str],
    *,
    restricted_indices: bool = False,
) -> SeenAliases:
    """The aliases among the resources that match a request. `resolved` are the names in its role instead of patterns,
    and then only the targets among them count.
    """
    covered = _covering(patterns, restricted_indices=restricted_indices)
    aliases = [each for each in found if each.targets and each.name not in withheld]
    if resolved is not None:
        names = set(resolved)
        targets = {
            each.name: tuple(target for target in each.targets if target in names or each.kind != "alias")
            for each in aliases
        }
    else:
        targets = {each.name: each.targets for each in aliases if not all(map(covered, each.targets))}
    targets = {alias: behind for alias, behind in targets.items() if behind}
    return SeenAliases(
        targets,
        {each.name: each.owners for each in aliases if each.name in targets},
        None if asked is None else tuple(dict.fromkeys(asked)),
        tuple(withheld),
    )


# --- hidden targets -------------------------------------------------------------------------------------------------


def hidden_targets(resource: Resource) -> tuple[str, ...]:
    """The targets never given under this name: system indices, and without a leading dot all targets with one."""
    return resource.system_targets if is_dotted(resource.name) else tuple(filter(is_dotted, resource.targets))


def withheld_aliases(names: Sequence[str], catalogue: Catalogue, excluded: Sequence[str] = ()) -> tuple[str, ...]:
    """The names that match these names of a role and that it has to leave out: aliases of hidden indices, and what
    leads to excluded data.
    """
    matches = matcher(excluded, hidden=True)
    hidden = [
        each.name
        for each in catalogue.resources
        if hidden_targets(each) or (excluded and leads_to_excluded(each, matches))
    ]
    return tuple(filter(matcher(names), hidden)) if hidden else ()


def without_hidden(
    patterns: Sequence[str], found: Sequence[Resource], *, restricted_indices: bool
) -> tuple[Sequence[Resource], tuple[str, ...]]:
    """The resources that match a request without the aliases that are never given, and the names of these.

    Raises `NotAllowed` if one of them was asked for by name, or nothing else matches.
    """
    hidden = [] if restricted_indices else [each for each in found if hidden_targets(each)]
    withheld = {each.name for each in hidden}
    given = [each for each in found if each.name not in withheld]
    named = next((each for each in hidden if each.name in patterns or not given), None)
    if named is not None:
        # Not which index: the requester may not be allowed to know of it.
        what = "a system index" if is_dotted(named.name) else "an index with a leading dot"
        why = f"{named.name} is an alias of {what}, which is never given."
        raise NotAllowed(why, "/es-access resources", RequestField.PATTERNS)
    return given, tuple(each.name for each in hidden)


def given_of(
    patterns: Sequence[str],
    found: Sequence[Resource],
    excluded: Sequence[str],
    flow: str,
    *,
    restricted_indices: bool,
) -> tuple[Sequence[Resource], tuple[str, ...]]:
    """The resources that match a request and are given, and the names that its role has to leave out one by one.

    Those are aliases of hidden indices, and aliases and data streams of excluded data. Raises `NotAllowed` if one of
    them was asked for by name, or nothing else matches, and `InvalidRequest` if a role cannot leave them out.
    """
    matches = matcher(excluded, hidden=True)
    named = [each for each in found if not (excluded and matches(each.name))]
    leading = [each for each in named if excluded and leads_to_excluded(each, matches)]
    refused = next((each.name for each in leading if each.name in patterns), None)
    if refused is not None:
        # Not which data: the requester may not be allowed to know of it.
        why = f"The access flow “{flow}” excludes the data behind {refused}."
        raise NotAllowed(why, "/es-access resources", RequestField.PATTERNS)
    rest = [each for each in named if each not in leading]
    if not rest:
        why = f"The access flow “{flow}” excludes everything that matches now."
        raise NotAllowed(why, "/es-access resources", RequestField.PATTERNS)
    given, hidden = without_hidden(patterns, rest, restricted_indices=restricted_indices)
    withheld = (*hidden, *(each.name for each in leading))
    check_evaluable(patterns, (*withheld, *excluded_under(patterns, excluded)))
    return given, withheld


def leading_out(patterns: Sequence[str], catalogue: Catalogue, *, restricted_indices: bool = False) -> list[Resource]:
    """The aliases that match the patterns, and the data streams with indices of other names, that have a target outside
    of the patterns. Those that are never given are left out.
    """
    matches, covered = matcher(patterns), _covering(patterns, restricted_indices=restricted_indices)
    return [
        each
        for each in catalogue.resources
        if each.targets
        and matches(each.name)
        and (restricted_indices or not hidden_targets(each))
        and not all(map(covered, each.targets))
    ]


# --- moves ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Move:
    """An alias that points to more than its owners saw. `now` are the targets since, `owners` are those of each, and
    `hidden` are those that are never given under the name of the alias.
    """

    alias: str
    before: tuple[str, ...]
    now: tuple[str, ...]
    owners: Mapping[str, tuple[Owner, ...]]
    hidden: tuple[str, ...] = ()


class AliasTargets:
    """The aliases of a catalogue, and the owners behind each of their targets."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._aliases = [each for each in catalogue.resources if each.targets]
        self._inside = [each for each in catalogue.resources if each.stream is not None]
        behind = {target for alias in self._aliases for target in alias.targets}
        self._owners: dict[str, tuple[Owner, ...]] = {}
        for each in catalogue.resources:
            if each.kind != "alias" and each.name in behind:
                # An index and a data stream may have one name: then both owners count.
                self._owners[each.name] = _joined(self._owners.get(each.name, ()), each.owners)
        self._matching: dict[tuple[str, ...], list[Resource]] = {}

    def __bool__(self) -> bool:
        return bool(self._aliases or self._inside)

    def moves(
        self,
        names: Sequence[str],
        seen: SeenAliases,
        withheld: Sequence[str],
        excluded: Sequence[str] = (),
        *,
        restricted_indices: bool = False,
    ) -> list[Move]:
        """The aliases covered by these names of a role that point to anything else than the owners saw, and the indices
        that have become part of an excluded data stream: lifecycle policies make some of names without a leading dot.

        A target that the names cover by themselves is given with or without the alias. `withheld` are the aliases that
        the role leaves out, as it does names under `excluded`.
        """
        covered = _covering(names, restricted_indices=restricted_indices)
        left_out = matcher(excluded, hidden=True)
        moves = []
        for alias in self._covered(names):
            before = seen.targets.get(alias.name, ())
            since = tuple(
                each for each in alias.targets if each not in before and (left_out(each) or not covered(each))
            )
            if since and alias.name not in withheld and not left_out(alias.name):
                owners = {target: self._owners.get(target, alias.owners) for target in since}
                hidden = tuple(target for target in hidden_targets(alias) if target in since)
                moves.append(Move(alias.name, before, since, owners, hidden))
        for index in self._inside if excluded else ():
            stream, known = index.stream, index.name in withheld or left_out(index.name)
            if stream is not None and left_out(stream) and covered(index.name) and not known:
                moves.append(Move(index.name, (), (stream,), {stream: index.owners}))
        return moves

    def _covered(self, names: Sequence[str]) -> Sequence[Resource]:
        key = tuple(names)
        if key not in self._matching:  # many grants have the same names
            covered = matcher(names)
            self._matching[key] = [each for each in self._aliases if covered(each.name)]
        return self._matching[key]


def not_approved(move: Move, seen: SeenAliases, flow: AccessFlow | None) -> tuple[str, ...]:
    """The targets since about which nobody was asked who had to be.

    Where the owners of resources had to approve: those of other owners. Elsewhere a rule, or other owners, decided
    about the patterns of the flow: those outside of them.
    """
    if seen.asked is not None:
        agreed = {*seen.asked, *seen.owners.get(move.alias, ())}
        return tuple(target for target in move.now if not agreed.issuperset(move.owners[target]))
    patterns = flow.patterns if flow is not None else ()
    hidden = not is_dotted(move.alias)  # behind another name they are there with `restricted_indices` alone
    return tuple(name for name in move.now if not any(covers(each, name, hidden=hidden) for each in patterns))


def with_move(seen: SeenAliases, move: Move) -> SeenAliases:
    """The aliases as they are approved once this move was told."""
    owners = _joined(*move.owners.values())
    return seen.plus(SeenAliases({move.alias: move.now}, {move.alias: owners}, seen.asked))


def _covering(names: Sequence[str], *, restricted_indices: bool) -> Callable[[str], bool]:
    """Whether a role with these names covers an index by itself. Only with `restricted_indices` a leading dot."""
    if restricted_indices:
        return lambda index: any(covers(name, index, hidden=True) for name in names)
    return matcher(names)


def _joined(*some: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(each for one in some for each in one))


def _united(one: Mapping[str, tuple[Any, ...]], other: Mapping[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    return {name: _joined(one.get(name, ()), other.get(name, ())) for name in _joined(one, other)}
