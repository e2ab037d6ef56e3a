"""``prowl gate init``: writes what runs Prowl by itself: a GitHub Actions workflow, or a systemd service and timer."""

from __future__ import annotations

import argparse
import shutil
import sys
from importlib import resources
from pathlib import Path

USAGE_ERROR = 4
FILES = {"github": ("prowl.yml",), "systemd": ("prowl-gate.service", "prowl-gate.timer")}
FOLDERS = {"github": Path(".github/workflows"), "systemd": Path()}
NEXT = {
    "github": "Set the secret and the variables that its first lines name.",
    "systemd": "Copy them to /etc/systemd/system; systemctl daemon-reload; systemctl enable --now prowl-gate.timer",
}


def main(words: list[str]) -> int:
    """Write the files and say where they are and what is left to do; 4 for what can't be."""
    parser = argparse.ArgumentParser(prog="prowl gate init", description="Write what runs Prowl by itself.")
    parser.add_argument("kind", choices=sorted(FILES), help="a workflow, or a service and a timer")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to (default: .github/workflows, or this folder)")
    parser.add_argument(
        "--target", type=Path, default=Path("/etc/prowl/testnet.toml"), metavar="FILE", help="inventory"
    )
    try:
        asked = parser.parse_args(words)
    except SystemExit as exit_:
        return USAGE_ERROR if exit_.code else 0
    folder: Path = asked.out if asked.out is not None else FOLDERS[asked.kind]
    texts = {folder / name: _text(name, asked.target) for name in FILES[asked.kind]}
    there = [path for path, text in texts.items() if path.exists() and path.read_text(encoding="utf-8") != text]
    if there:
        print(f"prowl gate init: {there[0]} is there already, and differs; move it away.", file=sys.stderr)
        return USAGE_ERROR
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
            print(path)
    except OSError as error:
        print(f"prowl gate init: {folder} can't be written: {error.strerror or error}.", file=sys.stderr)
        return USAGE_ERROR
    print(NEXT[asked.kind])
    return 0


def _text(name: str, target: Path) -> str:
    """Return a file of the package; a unit names this program and the inventory by their whole paths."""
    text = resources.files("prowl.chaos.commands").joinpath("shipped", name).read_text(encoding="utf-8")
    return text.replace("@PROWL@", _program()).replace("@TARGET@", str(target.absolute()))


def _program() -> str:
    """Return the path of the program that runs."""
    beside = Path(sys.executable).parent / "prowl"
    return str(beside) if beside.exists() else shutil.which("prowl") or "/usr/local/bin/prowl"
