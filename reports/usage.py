"""What pytest's parser says of a command line: Prowl's options first, and what is near a word that is none.

pytest has no other way to either than its own lists.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

import pytest

NEAR = 0.75  # how like a word an option must be


def put_first(parser: pytest.Parser) -> None:
    """Let ``--help`` begin with Prowl's own options."""
    whole = getattr(parser, "optparser", None)
    for groups, name in ((getattr(parser, "_groups", []), "name"), (getattr(whole, "_action_groups", []), "title")):
        groups.sort(key=lambda each: str(getattr(each, name)).lower() != "prowl")


def name_near_options(parser: pytest.Parser, program: str) -> None:
    """Let a word that is no option be refused with the options that are near it, and by the name of the program."""
    whole: Any = getattr(parser, "optparser", None)
    if whole is None:
        return
    whole.prog = program
    refuse = whole.error

    def error(message: str) -> None:
        words = re.findall(r"--[\w-]+", message) if message.startswith("unrecognized") else []
        near = [each for word in words for each in get_close_matches(word, _options(whole), n=1, cutoff=NEAR)]
        refuse(message + (f" (did you mean {', '.join(near)}?)" if near else ""))

    whole.error = error


def _options(parser: Any) -> list[str]:
    return [option for action in getattr(parser, "_actions", ()) for option in action.option_strings]
