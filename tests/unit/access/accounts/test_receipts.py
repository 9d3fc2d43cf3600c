"""What is stored of a personal role that was read back."""

from bot.access.models.receipts import LONGEST_NAME, MOST_NAMES, PersonalRoleLeft, Receipt


def test_the_receipt_says_what_the_role_was_read_back_to_hold() -> None:
    left = PersonalRoleLeft("es-access-own-u0alice", ("REQ-7K3F9Q",), ("logs-*",), ("copy",))
    stored = Receipt(True, False, 0, personal_role=left).stored()
    assert stored["personal_role"] == {
        "name": "es-access-own-u0alice", "grants": ["REQ-7K3F9Q"], "names": ["logs-*"], "others": ["copy"]
    }  # fmt: skip


def test_many_names_and_long_ones_are_cut() -> None:
    left = PersonalRoleLeft("es-access-own-u0alice", names=("x" * 30_000,) * 600)
    assert left.stored()["names"] == ["x" * LONGEST_NAME] * MOST_NAMES


def test_a_grant_without_a_personal_role_has_none_in_its_receipt() -> None:
    assert "personal_role" not in Receipt(True, True, 0).stored()
