"""The docs name what there is: links, items, keys of the inventory, subcommands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prowl.chaos.commands.cli import SUBCOMMANDS
from prowl.fixtures.inventory import schema
from prowl.fixtures.manual import catalogue as manual
from prowl.fixtures.manual.limits import Limits

ROOT = next((path for path in (Path.cwd(), *Path(__file__).resolve().parents) if (path / "docs").is_dir()), Path.cwd())
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = [ROOT / "README.md", CONTRIBUTING, *sorted((ROOT / "docs").glob("*.md"))]

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="there is no checkout with the docs")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_item_and_subcommand_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    chapters = {item.partition("/")[0] for item in manual.catalogue()}
    named = {
        f"{chapter}/{rest}"
        for chapter, rest in re.findall(r"[`\s]([a-z]+)/([a-z][a-z-]+)[`\s]", text)
        if chapter in chapters
    }
    assert named - set(manual.catalogue()) == set()
    commands = set(re.findall(r"^  (\w+)", SUBCOMMANDS, re.MULTILINE))
    assert set(re.findall(r"`prowl ([a-z]+)", text)) - commands == set()


def test_every_file_that_a_contributor_is_sent_to_is_there() -> None:
    text = CONTRIBUTING.read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:reports|fixtures|checks|chaos)/[\w/]+\.py\b", text))
    assert len(named) > 10
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_key_of_an_inventory_stands_in_its_page() -> None:
    text = (ROOT / "docs" / "inventory.md").read_text(encoding="utf-8")
    tables = (schema.NETWORK, schema.NODE, schema.HOST, schema.VALIDATOR, schema.LIMIT, schema.WAIVER)
    assert [key.name for table in tables for key in table if f"| `{key.name}`" not in text] == []
    assert [name for name in Limits.names() if f"`{name}`" not in text] == []
