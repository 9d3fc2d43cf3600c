"""A file: what Docker and Kubernetes mount, or one that somebody wrote."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.secret_stores.store import filled

PREVIOUS = ".previous"
"""Behind the name of the file: where the secret goes that was there before."""

LARGEST_BYTES = 64 * 1024
"""Of a file that can be a secret. More is another file by mistake."""

_PRIVATE = 0o600
_MOUNTS = Path("/proc/self/mountinfo")
_MOUNT_POINT = 4
"""The field of a line in it (proc(5), "mountinfo")."""


@dataclass(frozen=True)
class FileStore:
    """The content of `path`, without the newline at its end."""

    path: Path

    @property
    def place(self) -> str:
        """The name of the file."""
        return f"the file {self.path}"

    def read(self) -> SecretStr:
        """The content. Raises `Outage` when it cannot be read just now, `Refusal` when it is no secret."""
        return filled(self._content(self.path), self.place)

    def previous(self) -> SecretStr | None:
        """The content of the neighbour that the last write has left."""
        before = self._beside()
        if not before.exists():
            return None
        content = self._content(before)
        return SecretStr(content) if content else None

    def write(self, secret: SecretStr) -> None:
        """Keeps the present content as the previous one, then puts the new one in its place at once or not at all."""
        now = self.read()
        target = self._target()
        try:
            _replace(self._beside(), now, like=target)
            _replace(target, secret, like=target)
        except OSError as error:
            raise Outage(f"{self.place} cannot be written: {error.strerror}") from None

    def check_writable(self) -> None:
        """Tries what a write does, on a file beside it. Raises `Refusal`."""
        target = self._target()
        if _is_mounted_by_itself(target):
            raise Refusal(f"{self.place} is mounted by itself and cannot be replaced: mount its folder instead")
        try:
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}-"):
                pass
        except OSError as error:
            raise Refusal(f"{self.place} cannot be written, its folder takes no file: {error.strerror}") from None

    def _target(self) -> Path:
        # Kubernetes mounts links: the file they lead to is the one to replace.
        return Path(os.path.realpath(self.path))

    def _beside(self) -> Path:
        target = self._target()
        return target.with_name(target.name + PREVIOUS)

    def _content(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                raw = file.read(LARGEST_BYTES + 1)
        except (OSError, ValueError) as error:
            # A mount that is being replaced is back in a moment.
            raise Outage(f"{self.place} cannot be read: {getattr(error, 'strerror', None) or 'no such name'}") from None
        if len(raw) > LARGEST_BYTES:
            raise Refusal(f"{self.place} is no secret: it is larger than 64 KiB")
        try:
            return raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise Refusal(f"{self.place} is no text in UTF-8") from None


def _replace(path: Path, secret: SecretStr, like: Path) -> None:
    """Whoever reads `path` finds the old content or the new one, also after a power cut."""
    there = like.stat()
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret.get_secret_value().encode())
            os.fchmod(file.fileno(), there.st_mode & 0o777 or _PRIVATE)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), there.st_uid, there.st_gid)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _is_mounted_by_itself(path: Path) -> bool:
    """Whether a container was given this one file, whose name then cannot be given to another."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False  # no Linux
    # Spaces and the like stand there in octal.
    points = {line.split(" ")[_MOUNT_POINT].encode().decode("unicode_escape", "replace") for line in lines}
    return str(path) in points
