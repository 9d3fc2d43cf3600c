"""Which owners count for a name whose owner has appeared, changed or vanished: the rule, as a table."""

from datetime import UTC, datetime

import pytest

from bot.access.models.ownership import OwnershipChange, OwnershipState
from bot.access.ownership.comparison import (
    Cover,
    Doubt,
    Owner,
    Sighting,
    Standing,
    find_doubt,
    is_owner_changed,
    is_same,
    is_settled,
    sighting,
    standing_of,
)
from bot.access.ports import Resource
from bot.access.store.ownership import Remembered

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OPS, WEB, DAVE, NOBODY = "@ops", "@web", "U0DAVE004", None

BY_OPS = Cover("REQ-OPS", (OPS,))
BY_BOTH = Cover("REQ-BOTH", (OPS, WEB))
BY_WEB = Cover("REQ-WEB", (WEB,))
BY_INTEGRATION = Cover("REQ-INT", (None,))
BY_RULE = Cover("REQ-RULE", ())
ALMIGHTY = Cover("REQ-ALL", (OPS,), beyond_indices=True)


def seen(written: Owner, assigned: Owner = None) -> Sighting:
    return Sighting("logs", written, written or assigned, assigned, ())


def known(written: Owner, assigned: Owner = None, change: OwnershipChange | None = None) -> Remembered:
    return Remembered("logs", written, written or assigned, (), NOW, None, change)


def change(before: Owner, counting: list[Owner], state: OwnershipState = OwnershipState.OPEN) -> OwnershipChange:
    return OwnershipChange(
        id=1, integration="i", request_id="REQ-OPS", grants=["REQ-OPS"], names=["logs"], before=before, after=DAVE,
        counting=counting, state=state, noticed_at=NOW,
    )  # fmt: skip


CHANGED = {
    "nothing could have written it": ([], None),
    "the owner before approved the grant": ([BY_OPS], Doubt(OPS, (OPS,))),
    "the owner before and another approved it": ([BY_BOTH], Doubt(OPS, (OPS,))),
    "somebody else approved it": ([BY_WEB], Doubt(OPS, (WEB, OPS))),
    "the integration owner approved it": ([BY_INTEGRATION], Doubt(OPS, (None, OPS))),
    "a rule approved it": ([BY_RULE], Doubt(OPS, (OPS,))),
    "several grants could have": ([BY_RULE, BY_WEB], Doubt(OPS, (OPS, WEB))),
}


@pytest.mark.parametrize("case", CHANGED)
@pytest.mark.parametrize("now", [DAVE, NOBODY, WEB])
def test_an_owner_that_was_changed_or_removed(case: str, now: Owner) -> None:
    covers, doubt = CHANGED[case]
    assert is_owner_changed(known(OPS), seen(now), covers)
    assert find_doubt(known(OPS), seen(now), covers) == doubt


def test_an_owner_of_what_had_none_counts_beside_the_integration_owner() -> None:
    assert find_doubt(known(NOBODY), seen(DAVE), [BY_RULE]) == Doubt(NOBODY, (NOBODY,))
    assert find_doubt(known(NOBODY), seen(DAVE), [BY_WEB]) == Doubt(NOBODY, (WEB, NOBODY))


NEW = {
    "nothing could have": (DAVE, None, [], None),
    "an owner who approved": (OPS, None, [BY_OPS], None),
    "one of those who approved": (WEB, None, [BY_BOTH], None),
    "an owner among others": (f"{OPS}, {DAVE}", None, [BY_OPS], Doubt(None, (OPS,))),
    "somebody else": (DAVE, None, [BY_OPS], Doubt(None, (OPS,))),
    "somebody else under two grants": (DAVE, None, [BY_OPS, BY_WEB], Doubt(None, (OPS, WEB))),
    "nobody": (None, None, [BY_OPS], Doubt(None, (OPS,))),
    "nobody where the integration owner approved": (None, None, [BY_INTEGRATION], None),
    "nobody where a rule approved": (None, None, [BY_RULE], None),
    "somebody where a rule approved": (DAVE, None, [BY_RULE], Doubt(None, (None,))),
    "the owner of its template": (None, WEB, [BY_OPS], None),
    "the owner of its template in its mapping": (WEB, WEB, [BY_OPS], None),
    "another than its template says": (DAVE, WEB, [BY_OPS], Doubt(None, (OPS,))),
    "the owner of a template that could be changed": (None, WEB, [ALMIGHTY], Doubt(None, (OPS,))),
    "no owner at all": ("nonsense", None, [BY_OPS], Doubt(None, (OPS,))),
}


@pytest.mark.parametrize("case", NEW)
def test_the_owner_of_a_new_name(case: str) -> None:
    written, assigned, covers, doubt = NEW[case]
    assert find_doubt(None, seen(written, assigned), covers) == doubt


def test_a_template_may_name_another_owner_and_only_more_than_indices_could_do_that() -> None:
    assert not is_owner_changed(known(None, OPS), seen(None, WEB), [BY_OPS])
    assert is_owner_changed(known(None, OPS), seen(None, WEB), [ALMIGHTY])


def test_what_the_template_says_as_well_is_a_change_all_the_same() -> None:
    assert is_owner_changed(known(OPS, WEB), seen(None, WEB), [BY_OPS])
    assert find_doubt(known(OPS, WEB), seen(None, WEB), [BY_OPS]) == Doubt(OPS, (OPS,))


@pytest.mark.parametrize("state", [OwnershipState.OPEN, OwnershipState.KEPT])
def test_who_counted_counts_when_it_is_changed_again(state: OwnershipState) -> None:
    before = known(DAVE, change=change(OPS, [OPS], state))
    assert find_doubt(before, seen("U0EVE"), [BY_WEB]) == Doubt(OPS, (OPS, WEB))
    assert find_doubt(before, seen("U0EVE"), []) is None


def test_the_owner_before_ends_the_doubt() -> None:
    assert is_settled(known(DAVE, change=change(OPS, [OPS])), seen(OPS))
    assert not is_settled(known(DAVE, change=change(OPS, [OPS])), seen("U0EVE"))
    assert not is_settled(known(DAVE), seen(OPS))


def test_who_counts() -> None:
    assert standing_of(None, seen(DAVE)) is None
    assert standing_of(known(OPS), seen(OPS)) is None
    assert standing_of(known(DAVE, change=change(OPS, [OPS, None])), seen(DAVE)) == Standing((OPS, None))
    overruled = change(OPS, [OPS], OwnershipState.KEPT)
    assert standing_of(known(DAVE, change=overruled), seen(DAVE)) == Standing((OPS,), overruled=True)
    assert standing_of(known(WEB), seen(DAVE)) == Standing((WEB,)), "an older or newer catalogue: both count"


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * 100_000])
def test_whatever_is_written_can_be_stored_and_compared(value: str) -> None:
    one = sighting(Resource("logs", "index", (value,), written=value), ("b", "a"))
    other = sighting(Resource("logs", "index", (f"{value}y",), written=f"{value}y"), ("b", "a"))
    assert one.owner is not None
    assert "\0" not in one.owner
    assert len(one.owner.encode()) < 10_000
    assert one.other_names == ("a", "b")
    assert one.owner != other.owner
    assert is_same(Remembered("logs", one.written, one.owner, ["a", "b"], NOW, None, None), one)
