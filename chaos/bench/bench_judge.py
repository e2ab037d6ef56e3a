"""What judging costs: ``python chaos/bench/bench_judge.py [OBSERVATIONS ...]``.

Writes timelines of so many observations of four nodes, as the observer writes them, and prints how long judging takes
in multiples of ``json.loads`` of the same lines, and how many bytes an observation costs at the most.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from prowl.checks.invariants import judge
from prowl.reports.timeline import SCHEMA, read

NODES = [f"node-{number}" for number in range(1, 5)]
NO_ROUND = {"height": None, "phase": None, "prepareVotes": 0, "commitVotes": 0}
SAMPLES_A_BLOCK = 4
DEFAULT = (100_000, 400_000)


def write(path: Path, observations: int) -> None:
    """Write a timeline of a healthy network."""
    zero = "0x" + "0" * 64
    addresses = {node: f"0x{number:040x}" for number, node in enumerate(NODES, 1)}
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"schema": SCHEMA, "kind": "header", "nodes": NODES, "addresses": addresses}) + "\n")
        for step in range(observations // len(NODES)):
            height = 1 + step // SAMPLES_A_BLOCK
            fin = [height - 3, f"0x{height - 3:064x}"] if height > 3 else [0, zero]
            for number, node in enumerate(NODES):
                row = {
                    "t": round(step / 2 + number / 1000, 3), "node": node, "block_height": float(height),
                    "consensus_state": 0.0, "peers_connected": 3.0, "process_memory_bytes": 2e8 + step * 4096 % 7e7,
                    "bft_round_height": float(height + 1), "bft_equivocations_total": 0.0,
                    "health": 200, "rpc_height": height,
                    "latest": [height, f"0x{height:064x}", f"0x{height - 1:064x}", False],
                    "miner": addresses[NODES[height % 4]], "stamp": height * 2, "fin": fin,
                    "bft": NO_ROUND if step % 4 else {**NO_ROUND, "height": hex(height + 1), "phase": "prepare"},
                    "blocks": [], "process": "running",
                }  # fmt: skip
                file.write(json.dumps(row, separators=(",", ":")) + "\n")


def measure(path: Path) -> tuple[float, float, int]:
    """Return the seconds of ``json.loads`` and of judging, and the most bytes that judging took."""
    begin = time.process_time()
    with path.open(encoding="utf-8") as file:
        for line in file:
            json.loads(line)
    parsed = time.process_time()
    before = _most_bytes()
    rows = judge(read(path))
    if any(row.verdict.value != "held" for row in rows):
        raise SystemExit(f"not all is held: {[row for row in rows if row.verdict.value != 'held']}")
    return parsed - begin, time.process_time() - parsed, _most_bytes() - before


def _most_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Measure each size in a process of its own."""
    if sys.argv[1:2] == ["--one"]:
        parsed, judged, taken = measure(Path(sys.argv[2]))
        count = int(sys.argv[3])
        print(
            f"{count} observations: {judged:.2f} s, {judged / parsed:.1f} x json.loads, {taken / count:.0f} bytes each"
        )
        return
    for count in [int(word) for word in sys.argv[1:]] or DEFAULT:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "timeline.jsonl"
            write(path, count)
            subprocess.run([sys.executable, __file__, "--one", str(path), str(count)], check=True, timeout=600)


if __name__ == "__main__":
    main()
