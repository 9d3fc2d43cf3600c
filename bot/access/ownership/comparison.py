"""Compares the owner of a name with the one that is remembered, and decides which owners count. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from bot.access.models.ownership import OwnershipState
from bot.access.policy.owner_groups import owners_in
from bot.access.ports import Resource
from bot.access.store.ownership import Remembered

Owner = str | None
"""An owner as written in the cluster. `None` stands for no owner, so for the integration owner."""

_LONGEST_VALUE = 1_000
"""Characters of an owner that are stored. A longer value names nobody; its hash tells it from others."""


@dataclass(frozen=True)
class Sighting:
    """The owner of an index or data stream, as it was read; see `Resource`.

    `other_names` lead to it as well: aliases, for a data stream its indices with names of their own, and for such an
    index the data stream.
    """

    name: str
    written: Owner
    owner: Owner
    assigned: Owner
    other_names: tuple[str, ...]


@dataclass(frozen=True)
class Cover:
    """A grant that could have written the owner of a name.

    `approved` are the owners who approved it; nobody if a rule did. `beyond_indices`: it holds cluster privileges or
    may act as another user, so templates are not out of its reach.
    """

    grant_id: str
    approved: tuple[Owner, ...]
    beyond_indices: bool = False


@dataclass(frozen=True)
class Doubt:
    """A new owner that counts only together with the owners in `counting`. `before` is the last owner without doubt."""

    before: Owner
    counting: tuple[Owner, ...]


@dataclass(frozen=True)
class Standing:
    """The owners who count for a name: those in `counting`, and the one in the cluster unless that is `overruled`."""

    counting: tuple[Owner, ...]
    overruled: bool = False


def sighting(resource: Resource, other_names: Sequence[str]) -> Sighting:
    """What the catalogue says about an index or data stream, in a form that every database stores as it is."""
    written, owner, assigned = map(_storable, (resource.written, *resource.owners[:1], resource.assigned))
    return Sighting(resource.name, written, owner, assigned, tuple(sorted(other_names)))


def is_same(known: Remembered, seen: Sighting) -> bool:
    """Whether nothing has changed."""
    return (known.written, known.owner, tuple(known.other_names), known.gone_at) == (
        seen.written, seen.owner, seen.other_names, None,
    )  # fmt: skip


def is_within(seen: Sighting, known: Sighting) -> bool:
    """Whether a look at some resources shows what a look at all of them did; it may miss other names."""
    same = (seen.written, seen.owner, seen.assigned) == (known.written, known.owner, known.assigned)
    return same and set(seen.other_names) <= set(known.other_names)


def is_settled(known: Remembered, seen: Sighting) -> bool:
    """Whether the owner before is back, which ends every doubt without a question."""
    return known.change is not None and known.owner != seen.owner and seen.owner == known.change.before


def is_owner_changed(known: Remembered, seen: Sighting, covers: Sequence[Cover]) -> bool:
    """Whether the owner was changed in a place that access could reach.

    A template or the data stream may name another owner; only a grant with more than index privileges could do that.
    But access could put an index into a data stream, or take it out, and so change whose owner it inherits.
    """
    moved = set(known.other_names) != set(seen.other_names)
    reached = known.written != seen.written or moved or any(cover.beyond_indices for cover in covers)
    return reached and known.owner != seen.owner


def find_doubt(known: Remembered | None, seen: Sighting, covers: Sequence[Cover]) -> Doubt | None:
    """The doubt about an owner that has appeared, changed or vanished while `covers` could have written it.

    `known` is `None` for a new name. `None` if no grant could, or if there is nothing to gain by it.
    """
    if not covers:
        return None
    if known is None:
        return _doubt_about_new(seen, covers)
    standing = known.change
    before = standing.before if standing is not None else known.owner
    earlier = tuple(standing.counting) if standing is not None else ()
    counting = dict.fromkeys([*earlier, *(owner for cover in covers for owner in _counting(cover, before))])
    return Doubt(before, tuple(counting))


def _doubt_about_new(seen: Sighting, covers: Sequence[Cover]) -> Doubt | None:
    out_of_reach = not any(cover.beyond_indices for cover in covers)
    if out_of_reach and seen.owner is not None and seen.owner == seen.assigned:
        return None
    counting = dict.fromkeys(owner for cover in covers for owner in cover.approved or (None,))
    agreed = {name for owner in counting for name in owners_in(owner)}
    named = owners_in(seen.owner)
    if seen.owner in counting or (named and agreed.issuperset(named)):
        return None
    return Doubt(None, tuple(counting))


def _counting(cover: Cover, before: Owner) -> tuple[Owner, ...]:
    """The owners who count because of that grant: who approved it, and the owner before."""
    is_before = [owner for owner in cover.approved if _same_owner(owner, before)]
    return (before,) if is_before else (*cover.approved, before)


def _same_owner(one: Owner, other: Owner) -> bool:
    return one == other or (one is not None and other is not None and set(owners_in(one)) == set(owners_in(other)))


def standing_of(known: Remembered | None, seen: Sighting) -> Standing | None:
    """The owners who count for a name beside or instead of the one in the cluster; `None` if that one counts alone."""
    if known is None:
        return None
    if known.change is None:
        # The catalogue is older or newer than the memory, so both owners count.
        return Standing((known.owner,)) if known.owner != seen.owner else None
    return Standing(tuple(known.change.counting), known.change.state is OwnershipState.KEPT)


def _storable(value: Owner) -> Owner:
    """The value without characters that a database refuses, within its column. Writers of mappings choose it."""
    if value is None or (len(value) <= _LONGEST_VALUE and value.isascii() and "\0" not in value):
        return value
    text = value.encode("utf-8", "backslashreplace").decode().replace("\0", "\ufffd")
    if len(text) <= _LONGEST_VALUE:
        return text
    return f"{text[:_LONGEST_VALUE]}… {sha256(text.encode()).hexdigest()}"
