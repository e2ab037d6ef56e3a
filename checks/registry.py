"""The one decorator that ties a check to its item of the manual."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from prowl.fixtures.manual import catalogue as manual
from prowl.fixtures.targets import NEEDS

F = TypeVar("F", bound=Callable[..., object])

MARK = "__prowl_check__"
METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
SCOPES = ("node", "network")


@dataclass(frozen=True)
class Check:
    """What a check function asserts: the manual's item, the operator's next step, what it needs, and its weight.

    ``scope`` is ``node`` (one item a node) or ``network`` (one for all of them), by the function's parameter. ``needs``
    names what a node, or the network, must offer (``metrics``, ``data_dir``): where the target does not, the check is
    *not asked*. An ``advisory`` check is printed and counted and has no influence on the exit code. A ``gate`` check is
    asked before an upgrade (``--gate``), a ``drill`` check with ``--drill`` alone. ``metrics`` are names that the
    survey reads for it from each node's page.
    """

    item: str
    next: str = ""
    needs: tuple[str, ...] = ()
    advisory: bool = False
    scope: str = "node"
    gate: bool = False
    drill: bool = False
    metrics: tuple[str, ...] = ()


def check(
    item: str,
    *,
    next: str = "",  # noqa: A002 - the report's word
    needs: str | tuple[str, ...] = (),
    advisory: bool = False,
    gate: bool = False,
    drill: bool = False,
    metrics: Iterable[str] = (),
) -> Callable[[F], F]:
    """Mark a test function as the check of a manual's item; its docstring is the promise, in one sentence.

    A function with the parameter ``node`` is asked of each node, one with ``network`` once of all. Raises
    UnknownItemError for an item that the catalogue does not hold, and ValueError for a check without a docstring,
    without exactly one of the two parameters, with an unknown need, or with a metric that can't be one.
    """
    manual.item(item)
    for metric in (metrics,) if isinstance(metrics, str) else metrics:
        if isinstance(metrics, str) or not METRIC.fullmatch(metric):
            raise ValueError(f"The check of {item} reads {metrics!r}; metrics is a tuple of names, as in ('coc_x',).")
    needed = (needs,) if isinstance(needs, str) else needs
    for need in needed:
        if need not in NEEDS:  # no target would offer it, and the check would never be asked
            near = get_close_matches(need, NEEDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(NEEDS))}."
            raise ValueError(f"The check of {item} needs {need!r}, which no target offers; {hint}")

    def mark(function: F) -> F:
        if not (function.__doc__ or "").strip():
            raise ValueError(f"The check {function.__name__} of {item} has no docstring: it is the promise it asserts.")
        scopes = [scope for scope in SCOPES if scope in inspect.signature(function).parameters]
        if len(scopes) != 1:
            raise ValueError(f"The check {function.__name__} of {item} takes either node or network: whose is it?")
        setattr(function, MARK, Check(item, next, needed, advisory, scopes[0], gate, drill, tuple(metrics)))
        return function

    return mark


def check_of(function: object) -> Check | None:
    """Return what :func:`check` tied to a function, or None."""
    found = getattr(function, MARK, None)
    return found if isinstance(found, Check) else None
