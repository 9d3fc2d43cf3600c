"""The file store on a real disk: replaced at once or not at all, and the one before is kept."""

import os
import threading
from pathlib import Path
from unittest.mock import patch

import pytest
from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.secret_stores import file
from bot.secret_stores.file import LARGEST_BYTES, FileStore

OLD, NEW = SecretStr("the old one"), SecretStr("the new one, é")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "secret"
    found.write_text("the old one\n", encoding="utf-8")
    found.chmod(0o600)
    return found


@pytest.fixture
def store(path: Path) -> FileStore:
    return FileStore(path)


def test_the_newline_at_the_end_is_not_part_of_the_secret(path: Path, store: FileStore) -> None:
    for written, read in (("a\n", "a"), ("a", "a"), ("a\r\n", "a"), (" a b \n", " a b "), ("a\n\n", "a\n")):
        path.write_bytes(written.encode())
        assert store.read().get_secret_value() == read


def test_nothing_is_kept_in_memory(path: Path, store: FileStore) -> None:
    assert store.read() == OLD
    path.write_text("another", encoding="utf-8")
    assert store.read().get_secret_value() == "another"


def test_a_write_keeps_what_was_there(store: FileStore) -> None:
    assert store.previous() is None
    store.write(NEW)
    assert (store.read(), store.previous()) == (NEW, OLD)
    store.write(OLD)
    assert (store.read(), store.previous()) == (OLD, NEW)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
def test_whoever_may_read_it_stays_the_same(path: Path, store: FileStore, mode: int) -> None:
    path.chmod(mode)
    store.write(NEW)
    assert path.stat().st_mode & 0o777 == mode
    assert path.with_name("secret.previous").stat().st_mode & 0o777 == mode
    assert sorted(each.name for each in path.parent.iterdir()) == ["secret", "secret.previous"]


def test_a_link_stays_a_link(tmp_path: Path, path: Path) -> None:
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(path)
    FileStore(link).write(NEW)
    assert link.is_symlink()
    assert FileStore(path).read() == NEW
    assert FileStore(link).previous() == OLD


@pytest.mark.parametrize("call", ["fsync", "fchmod", "fdopen"])
def test_a_write_that_fails_leaves_everything_as_it_was(path: Path, store: FileStore, call: str) -> None:
    with patch.object(os, call, side_effect=OSError(28, "No space left on device")), pytest.raises(Outage) as failed:
        store.write(NEW)
    assert "No space left on device" in str(failed.value)
    assert NEW.get_secret_value() not in str(failed.value)
    assert store.read() == OLD
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


def test_a_crash_between_the_two_files_loses_nothing(store: FileStore) -> None:
    real = file._replace

    def die_at_the_second(path: Path, secret: SecretStr, like: Path) -> None:
        if secret == NEW:
            raise KeyboardInterrupt
        real(path, secret, like)

    with patch.object(file, "_replace", die_at_the_second), pytest.raises(KeyboardInterrupt):
        store.write(NEW)
    assert (store.read(), store.previous()) == (OLD, OLD)


def test_a_reader_beside_a_writer_sees_one_whole_secret(store: FileStore) -> None:
    seen, stop = set(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(store.read().get_secret_value())

    thread = threading.Thread(target=read)
    thread.start()
    for count in range(50):
        store.write(SecretStr(str(count) * 2000))
    stop.set()
    thread.join()
    assert len(seen) > 1
    assert seen <= {OLD.get_secret_value(), *(str(count) * 2000 for count in range(50))}


def test_a_file_that_is_not_there_is_an_outage_and_what_is_no_secret_a_refusal(path: Path) -> None:
    with pytest.raises(Outage, match="nowhere cannot be read: No such file"):
        FileStore(path.with_name("nowhere")).read()
    with pytest.raises(Outage, match="Is a directory"):
        FileStore(path.parent).read()
    for content, words in ((b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "no text in UTF-8"),
                           (b"x" * (LARGEST_BYTES + 1), "larger than 64 KiB")):  # fmt: skip
        path.write_bytes(content)
        with pytest.raises(Refusal, match=words):
            FileStore(path).read()


def test_whether_it_can_be_written_is_found_without_changing_it(path: Path, store: FileStore) -> None:
    before = path.stat()
    store.check_writable()
    assert path.stat() == before
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


def test_a_folder_that_takes_no_file_cannot_be_rotated_into() -> None:
    # No user can create files here, not even root.
    with pytest.raises(Refusal, match="its folder takes no file"):
        FileStore(Path("/proc/version")).check_writable()


def test_a_file_that_is_mounted_by_itself_cannot_be_replaced(path: Path, store: FileStore, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 2 8:1 / {str(path).replace('-', chr(92) + '055')} rw - ext4 /dev/sda1 rw\n", encoding="utf-8")
    with patch.object(file, "_MOUNTS", mounts), pytest.raises(Refusal, match="mount its folder instead"):
        store.check_writable()
