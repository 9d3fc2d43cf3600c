"""A file, such as a secret that Docker or Kubernetes mounts."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.secret_stores.store import require_value

PREVIOUS = ".previous"
"""The suffix of the file that holds the previous secret."""

LARGEST_BYTES = 64 * 1024
"""The limit for a secret. A larger file is the wrong one."""

_PRIVATE = 0o600
_MOUNTS = Path("/proc/self/mountinfo")
_MOUNT_POINT = 4
"""The number of its field in a line (proc(5), "mountinfo")."""


@dataclass(frozen=True)
class FileStore:
    """The content of `path` without the newline at the end."""

    path: Path

    @property
    def location(self) -> str:
        """The name of the file."""
        return f"the file {self.path}"

    def read(self) -> SecretStr:
        """The content. Raises `Outage` when it cannot be read now, and `Refusal` when it is not a secret."""
        return require_value(self._content(self.path), self.location)

    def previous(self) -> SecretStr | None:
        """The content of the file that the last write left for it."""
        before = self._previous_path()
        if not before.exists():
            return None
        content = self._content(before)
        return SecretStr(content) if content else None

    def write(self, secret: SecretStr) -> None:
        """Saves the present content as the previous secret, then replaces it atomically."""
        now = self.read()
        target = self._target()
        try:
            _replace(self._previous_path(), now, like=target)
            _replace(target, secret, like=target)
        except OSError as error:
            raise Outage(f"{self.location} cannot be written: {error.strerror}") from None

    def check_writable(self) -> None:
        """Creates and removes a temporary file in the same folder, as a write does. Raises `Refusal`."""
        target = self._target()
        if _is_mounted_by_itself(target):
            raise Refusal(f"{self.location} is mounted by itself and cannot be replaced: mount its folder instead")
        try:
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}-"):
                pass
        except OSError as error:
            raise Refusal(f"{self.location} cannot be written, its folder takes no file: {error.strerror}") from None

    def _target(self) -> Path:
        # Kubernetes mounts symbolic links. A write replaces their target.
        return Path(os.path.realpath(self.path))

    def _previous_path(self) -> Path:
        target = self._target()
        return target.with_name(target.name + PREVIOUS)

    def _content(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                raw = file.read(LARGEST_BYTES + 1)
        except (OSError, ValueError) as error:
            # While Kubernetes replaces a mount, the file is missing for a moment.
            raise Outage(
                f"{self.location} cannot be read: {getattr(error, 'strerror', None) or 'no such name'}"
            ) from None
        if len(raw) > LARGEST_BYTES:
            raise Refusal(f"{self.location} is no secret: it is larger than 64 KiB")
        try:
            return raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise Refusal(f"{self.location} is no text in UTF-8") from None


def _replace(path: Path, secret: SecretStr, like: Path) -> None:
    """Replaces `path` atomically: a reader finds the old or the new content, even after a power cut."""
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
    """Whether this one file is a mount point in a container. Such a file cannot be replaced."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False  # not Linux
    # The file has spaces and some other characters in octal.
    points = {line.split(" ")[_MOUNT_POINT].encode().decode("unicode_escape", "replace") for line in lines}
    return str(path) in points
