"""Secrets: where one is found, never what it is; and their removal from whatever is told or written.

A secret's value is read from an environment variable or a file at the moment it is needed. Each value that was read is
remembered here for one purpose: :func:`redact` takes it out of texts.
"""

from __future__ import annotations

import html
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

HIDDEN = "(redacted)"
LEAST_LENGTH = 6  # a shorter value would be found in innocent words
MOST_BYTES = 10_000

_values: set[str] = set()


class SecretError(ValueError):
    """A secret that can't be read; the text is a sentence without the secret."""


@dataclass(frozen=True)
class Secret:
    """Where a secret is found: an environment variable or a file. It is no secret itself and may be printed."""

    env: str = ""
    file: Path | None = None

    def __str__(self) -> str:
        return f"${self.env}" if self.env else str(self.file)

    def read(self) -> str:
        """Return the value, and remember it for :func:`redact`; SecretError if there is none."""
        if self.env:
            value = os.environ.get(self.env, "").strip()
            if not value:
                raise SecretError(f"the environment variable {self.env} is not set")
        else:
            value = self._of_file()
        if not value.isprintable() or not value.isascii():
            raise SecretError(f"what {self} holds is no token: it has characters that no header may have")
        if len(value) < LEAST_LENGTH:
            raise SecretError(f"what {self} holds is no token: it is shorter than {LEAST_LENGTH} characters")
        remember(value)
        return value

    def _of_file(self) -> str:
        assert self.file is not None
        try:
            with self.file.open("rb") as stream:
                value = stream.read(MOST_BYTES).decode("ascii").strip()
        except OSError as error:
            raise SecretError(f"{self.file} can't be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise SecretError(f"what {self.file} holds is no token: it is not ASCII") from None
        if not value:
            raise SecretError(f"{self.file} is empty")
        return value


def remember(value: str) -> None:
    """Take this value, as it is or as pages and addresses write it, out of every text that :func:`redact` sees."""
    _values.update({value, html.escape(value), json.dumps(value)[1:-1], quote(value, safe="")})


def redact(text: str) -> str:
    """Return a text without the secrets that this process has read."""
    if not _values:
        return text
    for value in sorted(_values, key=len, reverse=True):
        if value in text:
            text = text.replace(value, HIDDEN)
    return text


def told(text: object, most: int = 200) -> str:
    """Return what somebody else said as it may be shown: one line, printable, without secrets, not too long."""
    try:
        line = " ".join(str(text).split())
    except RecursionError:
        return "something nested too deeply to be told"
    return "".join(sign if sign.isprintable() else "?" for sign in redact(line)[:most])


def redacted(row: Any) -> Any:
    """Return a structure of plain values with every text (keys too) redacted."""
    if not _values:
        return row
    if isinstance(row, str):
        return redact(row)
    if isinstance(row, dict):
        return {redacted(key): redacted(value) for key, value in row.items()}
    if isinstance(row, list | tuple):
        return [redacted(value) for value in row]
    return row
