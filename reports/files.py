"""Files that others read or have written: written whole or not at all, and read only if they are files with an end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

READABLE_BY_ALL = 0o644
FOR_OWNER_ALONE = 0o600


def write_whole(path: Path, text: str, mode: int | None = None) -> Path:
    """Write a file by a draft beside it that is renamed into its place, and return its path; OSError if that fails.

    ``mode`` is the file's mode, whatever the process's own mask is. A link of either name is replaced, not followed.
    """
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    try:
        with draft.open("xb") as file:
            if mode is not None:
                draft.chmod(mode)
            file.write(text.encode("utf-8", "backslashreplace"))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def opened(path: Path, most_bytes: int) -> BinaryIO:
    """Open a file to read it; OSError for a larger one, and for what may have no end or no writer (device, pipe)."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(handle)
    wrong = None
    if stat.S_ISDIR(status.st_mode):
        wrong = errno.EISDIR, os.strerror(errno.EISDIR)
    elif not stat.S_ISREG(status.st_mode):
        wrong = errno.EINVAL, "It is no regular file"
    elif status.st_size > most_bytes:
        wrong = errno.EFBIG, f"It has {status.st_size:,} bytes, and at most {most_bytes:,} are read"
    if wrong is not None:
        os.close(handle)
        raise OSError(*wrong, str(path))
    return os.fdopen(handle, "rb")


def text_of(path: Path, most_bytes: int) -> str:
    """Return the text of a file; OSError as :func:`opened`, UnicodeDecodeError for what is no UTF-8."""
    with opened(path, most_bytes) as file:
        return file.read(most_bytes).decode("utf-8")
