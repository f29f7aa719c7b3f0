"""Print how much of each package the last tests ran, and the modules they ran least: `python -m tests.print_coverage`."""

import json
import tempfile
from collections import defaultdict
from pathlib import Path

from coverage import Coverage

LEAST = 10


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "coverage.json")
        coverage = Coverage()
        coverage.load()
        coverage.json_report(outfile=str(path))
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
    totals = defaultdict(lambda: [0, 0, 0, 0])
    shares = []
    for name, entry in files.items():
        s = entry["summary"]
        numbers = (s["covered_lines"], s["num_statements"], s["covered_branches"], s["num_branches"])
        for key in (Path(name).parts[0], "all"):
            totals[key] = [a + b for a, b in zip(totals[key], numbers, strict=True)]
        if s["num_statements"] >= 10:
            shares.append((s["covered_lines"] / s["num_statements"], name))
    totals["all"] = totals.pop("all")
    print(f"\n{'run by the tests':<18}{'lines':>8}{'branches':>10}")
    for package, (lines, n_lines, branches, n_branches) in totals.items():
        print(f"{package:<18}{lines / max(n_lines, 1):>8.1%}{branches / max(n_branches, 1):>10.1%}")
    least = ", ".join(f"{name} {share:.0%}" for share, name in sorted(shares)[:LEAST])
    print(f"least of all: {least}")


if __name__ == "__main__":
    main()
