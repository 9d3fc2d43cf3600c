"""The type checker knows the columns of every write."""

from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from mypy import api
from sqlmodel import SQLModel

import bot
from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.store.changes import GrantChanges, GroupChanges, RequestChanges

SNIPPET = """
from datetime import datetime

from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.states import GrantState, RequestState
from bot.access.store.changes import GrantChanges
from bot.access.store.transaction import Transaction


def write(to: Transaction, request: AccessRequest, grant: Grant, group: AskedGroup, now: datetime) -> None:
    to.move(request, RequestState.DENIED, "x", now, decided_by="x", decided_at=now)
    to.move(request, RequestState.DENIED, "x", now, decidedby="x")  # error: misspelt
    to.move(request, RequestState.DENIED, "x", now, decided_at="now")  # error: wrong type
    to.move(request, GrantState.ACTIVE, "x", now)  # error: a state of the other table
    to.move(grant, GrantState.ACTIVE, "x", now, decided_by="x")  # error: a column of the other table
    to.move_all([grant], GrantState.REVOKING, "x", now, {}, due_at=now)
    to.move_all([grant], GrantState.REVOKING, "x", now, {}, dueat=now)  # error: misspelt
    to.move_all([grant], GrantState.REVOKING, "x", now, {}, {grant.id: GrantChanges(attempts="1")})  # error: wrong type
    to.change(grant, "x", "x", now, key_id=None)
    to.change(grant, "x", "x", now, key="k")  # error: misspelt
    to.change(grant, "x", "x", now, state=GrantState.ACTIVE)  # error: a state changes by a transition alone
    to.amend(request, owners=["x"])
    to.amend(request, owners="x")  # error: wrong type
    to.change_group(group, asked=["x"])
    to.change_group(group, ask=["x"])  # error: misspelt
    to.audit("x", "x", now, None, why=object())  # error: no plain data
"""


def test_a_misspelt_column_or_a_wrong_type_fails_the_type_check(tmp_path: Path) -> None:
    source = tmp_path / "snippet.py"
    source.write_text(SNIPPET)
    root = Path(bot.__file__).parents[1]
    out, _, _ = api.run([
        "--config-file", str(root / "pyproject.toml"), "--no-warn-unreachable", "--follow-imports=silent", str(source),
    ])  # fmt: skip
    found = {int(line.split(":")[1]) for line in out.splitlines() if ": error:" in line}
    wanted = {number for number, line in enumerate(SNIPPET.splitlines(), 1) if "# error:" in line}
    assert found == wanted, out


@pytest.mark.parametrize(
    ("changes", "table"), [(RequestChanges, AccessRequest), (GrantChanges, Grant), (GroupChanges, AskedGroup)]
)
def test_changes_are_columns_with_the_types_of_the_table(changes: type, table: type[SQLModel]) -> None:
    columns = get_type_hints(table)
    for name, hint in get_type_hints(changes).items():
        assert plain(hint) == plain(columns[name]), name
        assert name not in {"id", "state", "version"}


def plain(hint: Any) -> Any:
    """A hint with its alternatives in no order."""
    return frozenset(get_args(hint)) if get_origin(hint) in {Union, UnionType} else hint
