"""Files that others read while a run goes on: written whole or not at all, never half."""

from __future__ import annotations

from pathlib import Path

READABLE_BY_ALL = 0o644


def write_whole(path: Path, text: str, mode: int | None = None) -> Path:
    """Write a file by a draft beside it that is renamed into its place, and return its path; OSError if that fails.

    ``mode`` is the file's mode, whatever the process's own mask is.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_bytes(text.encode("utf-8", "backslashreplace"))
        if mode is not None:
            draft.chmod(mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path
