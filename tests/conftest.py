"""Says at the end how many tests did not run, and why: a test that was skipped has shown nothing."""

from collections import Counter

import real_rows  # noqa: F401  (before any test changes the variables)


def pytest_terminal_summary(terminalreporter):
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", ())
        if isinstance(report.longrepr, tuple)
    )
    for reason, n in reasons.most_common():
        terminalreporter.write_line(f"NOT RUN: {n} tests: {reason}", yellow=True)
