"""Secrets: where one is found, never what it is; and their removal from whatever is told or written.

A secret's value is read from an environment variable or a file at the moment it is needed. Each value that was read is
remembered here for one purpose: :func:`redact` takes it out of texts.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

HIDDEN = "(redacted)"
LEAST_LENGTH = 6  # a shorter value would be found in innocent words
MOST_BYTES = 10_000
OF_BASE64 = 3  # bytes that four of its signs stand for: where a value begins among them, its signs are others

# What is called so is a secret, in a configuration, an environment or an answer.
SECRET_NAME = re.compile(
    r"(?i)private|secret|token|passw|passphrase|mnemonic|credential|\bpw|(^|node|api|access|auth|signing)[_-]?key$"
)
# No letter may stand before the name where it is a whole word: "maxTokens" is no secret.
_NAME = r"[\w.-]*(?:(?:private|node|api|access)[_-]?key|secret|token|passw(?:or)?d|passphrase|mnemonic)[\w.-]*"
PATTERNS = (
    re.compile(rf'(?i)(\\?"{_NAME}\\?"\s*:\s*\\?")[^"\\]+'),  # in JSON, also in JSON inside a string
    re.compile(rf"(?i)(\b{_NAME}\s*=\s*[\"']?)[^\s\"']+"),  # as an environment names it
    re.compile(rf"(?i)(--{_NAME} +[\"']?)[^\s\"'-][^\s\"']*"),  # as an option of a program
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}"),
    re.compile(r"(\w{2,12}://)[^\s/@]+(?=@)"),  # the user and the password of an address
)

# What a CI takes for a command of its own: at a line's begin, or anywhere in it.
CI_COMMAND = re.compile(r"^\s*::|##(?=\[|vso\[|teamcity\[)")

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
    """Take this value, also as others write it, out of every text that :func:`redact` sees."""
    _values.add(value)
    _pattern.cache_clear()


@cache
def _pattern() -> re.Pattern[str]:
    """Return what matches each value that is remembered, in capitals or not, the longest first."""
    written = {each for value in _values for each in _written(value)}
    return re.compile("|".join(map(re.escape, sorted(written, key=len, reverse=True))), re.IGNORECASE)


def _written(value: str) -> Iterator[str]:
    """Yield a value as pages, addresses and answers write it: escaped, in hex, and in base64 among other bytes."""
    yield from (value, html.escape(value), json.dumps(value)[1:-1], quote(value, safe=""), value.encode().hex())
    for before in range(OF_BASE64):
        encoded = base64.b64encode(b"\0" * before + value.encode()).decode()
        # The signs at both ends also stand for bits of what is beside it.
        inner = encoded.rstrip("=")[-(-before * 8 // 6) : -1]
        if len(inner) >= LEAST_LENGTH:
            yield from (inner, inner.translate(str.maketrans("+/", "-_")))


def redact(text: str) -> str:
    """Return a text without the secrets that this process has read.

    Nothing may be cut off before: the rest of a secret would not be found.
    """
    return _pattern().sub(HIDDEN, text) if _values else text


def redacted_bytes(body: bytes) -> bytes:
    """Return what came from elsewhere without the secrets that this process has read, whatever else is in it."""
    if not _values:
        return body
    return redact(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def clean(text: str) -> str:
    """Return a text without secrets: those that this process has read, and what is called a token or the like."""
    for pattern in PATTERNS:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return redact(text)


def one_line(text: str) -> str:
    """Return a text as it may be printed: one line, printable, and nothing in it that a CI takes for a command."""
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))
    return CI_COMMAND.sub(lambda found: " ".join(found[0].strip()), text)


def printable(text: object, most: int = 200) -> str:
    """Return what somebody else said as it may be shown: one line, printable, without secrets, not too long."""
    try:
        line = " ".join(str(text).split())
    except RecursionError:
        return "something nested too deeply to be told"
    return one_line(clean(line)[:most])


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
