"""Fields that access shows or hides, as patterns with `*` ("Field level security", Elasticsearch)."""

import re
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from bot.access.errors import InvalidRequest
from bot.access.models.limits import Limits
from bot.access.policy.patterns import covers, overlap
from bot.access.policy.value_types import PolicyPart

LONGEST_FIELD = 255
"""Characters of one pattern."""

MOST_FIELDS = 50
"""Patterns in one list: an owner would not read more before approving."""

# Elasticsearch reads `/…/` as a regular expression, and `?` and `\` as in one.
FIELD_SHAPE = r"(?![/ ])[^,`?\\\u0000-\u001f\u007f]{1,255}(?<! )"

_ALL = ("*",)

_UNDERSCORE = "_*"
"""Names that Elasticsearch shows although `grant` does not name them (measured on 8.19 and 9.5)."""

_METADATA = (
    "_doc_count", "_field_names", "_id", "_ignored", "_ignored_source", "_index", "_nested_path", "_primary_term",
    "_routing", "_seq_no", "_size", "_source", "_tier", "_type", "_version",
)  # fmt: skip
"""Elasticsearch's own fields. Without `_source` no other field is shown."""


def _check_field(name: str) -> str:
    if name.startswith("_") and _overlaps(name, _METADATA):
        raise ValueError("is one of Elasticsearch's own fields, which cannot be hidden")
    if not re.fullmatch(FIELD_SHAPE, name) or not name.isprintable():
        raise ValueError(
            f"is no name of a field, with * for any text: at most {LONGEST_FIELD} characters, and no ? \\ ,"
        )
    return re.sub(r"\*+", "*", name)


FieldPattern = Annotated[str, AfterValidator(_check_field)]


class FieldLimits(PolicyPart):
    """The fields of documents that are shown: those under `grant`, or all, but for those under `except`."""

    model_config = ConfigDict(populate_by_name=True)

    grant: tuple[FieldPattern, ...] = Field(
        default=(), max_length=MOST_FIELDS, description="Only these fields are shown, such as message or host.*."
    )
    hidden: tuple[FieldPattern, ...] = Field(
        default=(),
        max_length=MOST_FIELDS,
        alias="except",
        description="These fields are hidden, with everything inside them: card hides card.number as well.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.hidden and (not self.grant or "*" in self.grant):
            raise ValueError("hides nothing: name what to show under grant, or what to hide under except")
        if any(each.startswith("_") for each in self.grant):
            raise ValueError("grant names a field with an underscore: these are shown unless except names them")
        granted = _shown_by(self.grant)
        inner = _with_inner(self.hidden)
        if any(not _is_covered(each, granted) for each in self.hidden):
            raise ValueError("except may only name fields that grant shows")
        if any(_overlaps(each, granted) and not _is_covered(each, granted) for each in inner):
            raise ValueError("except hides a field and all inside it, of which grant names some: name only one of them")
        if all(_is_covered(each, inner) for each in self.grant or _ALL):
            raise ValueError("except hides all that grant shows")
        return self


def parse_fields(text: str) -> tuple[str, ...]:
    """The fields to hide in a comma-separated list, without duplicates. Raises `InvalidRequest`."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if len(names) > MOST_FIELDS:
        raise InvalidRequest(f"{len(names)} fields are too many: hide at most {MOST_FIELDS}, with * for several.")
    for each in names:
        try:
            _check_field(each)
        except ValueError as error:
            raise InvalidRequest(f"“{_shown(each)}” {error}.") from None
    if "*" in names:
        raise InvalidRequest("* hides everything. Name the fields to hide, such as card.*")
    return tuple(re.sub(r"\*+", "*", each) for each in names)


def _shown(name: str) -> str:
    return "".join(each if each.isprintable() else "\ufffd" for each in name[:80])


def with_inner(limits: Limits) -> tuple[str, ...]:
    """The patterns of a role that hide these fields and everything inside them.

    To Elasticsearch `card` is not `card.number`, nor is `name` its own `name.keyword`, which has the same values.
    """
    granted = _shown_by(limits.grant)
    return tuple(each for each in _with_inner(limits.hidden) if _is_covered(each, granted))


def _shown_by(grant: Sequence[str]) -> tuple[str, ...]:
    return (*grant, _UNDERSCORE) if grant else _ALL


def _with_inner(hidden: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*hidden, *(f"{each}.*" for each in hidden if not each.endswith("*"))]))


def without_inner(hidden: Sequence[str]) -> tuple[str, ...]:
    """The reverse of `with_inner`."""
    return tuple(each for each in hidden if not (each.endswith(".*") and each.removesuffix(".*") in hidden))


def hide(limits: Limits, names: Sequence[str]) -> Limits:
    """The limits with these fields hidden as well. Raises `InvalidRequest` if a role cannot say that."""
    inner = _with_inner(names)
    grant = tuple(each for each in limits.grant if not _is_covered(each, inner))
    if limits.grant and not grant:
        raise InvalidRequest("That hides every field that it shows.")
    granted = _shown_by(grant)
    hidden = tuple(dict.fromkeys([*limits.hidden, *(each for each in names if _is_covered(each, granted))]))
    for each in inner:
        if _overlaps(each, granted) and not _is_covered(each, granted):
            raise InvalidRequest(f"“{_shown(each)}” is more than it shows. It shows {', '.join(grant)}.")
    return Limits(grant, hidden, limits.query)


def shared_fields(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    """The patterns of both lists under which both show fields; an empty list shows all."""
    if not one or not other:
        return tuple(one or other)
    either = dict.fromkeys([*one, *other])
    return tuple(each for each in either if _is_covered(each, one) and _is_covered(each, other))


def includes_fields(wide: Limits, narrow: Limits) -> bool:
    """Whether every field that the narrow limits show is one that the wide ones show."""
    granted = _shown_by(narrow.grant)
    hidden = with_inner(narrow)
    return all(_is_covered(each, _shown_by(wide.grant)) for each in granted) and all(
        _is_covered(each, hidden) or not _overlaps(each, granted) for each in with_inner(wide)
    )


def _is_covered(name: str, patterns: Sequence[str]) -> bool:
    return any(covers(each, name, hidden=True) for each in patterns)


def _overlaps(name: str, patterns: Sequence[str]) -> bool:
    return any(overlap(each, name) for each in patterns)
