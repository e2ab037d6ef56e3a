"""The one decorator that ties a check to its item of the manual."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from prowl.fixtures import manual

F = TypeVar("F", bound=Callable[..., object])

MARK = "__prowl_check__"


@dataclass(frozen=True)
class Check:
    """What a check function asserts: the manual's item, the operator's next step, what it needs, and its weight.

    ``needs`` names what a node must offer (``metrics``, ``data_dir``): where the target does not, the check is *not
    asked*. An ``advisory`` check is printed and counted and has no influence on the exit code.
    """

    item: str
    next: str = ""
    needs: str = ""
    advisory: bool = False


def check(
    item: str,
    *,
    next: str = "",  # noqa: A002 - the report's word
    needs: str = "",
    advisory: bool = False,
) -> Callable[[F], F]:
    """Mark a test function as the check of a manual's item; its docstring is the promise, in one sentence.

    Raises UnknownItemError for an item that the catalogue does not hold, and ValueError for a check without a
    docstring or without a parameter ``node``.
    """
    manual.item(item)

    def mark(function: F) -> F:
        if not (function.__doc__ or "").strip():
            raise ValueError(f"The check {function.__name__} of {item} has no docstring: it is the promise it asserts.")
        setattr(function, MARK, Check(item, next, needs, advisory))
        return function

    return mark


def check_of(function: object) -> Check | None:
    """Return what :func:`check` tied to a function, or None."""
    found = getattr(function, MARK, None)
    return found if isinstance(found, Check) else None
