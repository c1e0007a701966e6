#!/usr/bin/env python3
"""Keeps and sums up the JUnit reports of scripts/test.sh.

report.py record REPORT NAME STATUS   make sure that REPORT says how the part NAME ended
report.py sum FOLDER                  list what failed in FOLDER's reports, print the totals, exit 1 if anything failed
"""

import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path


def outcomes(report: Path) -> list[tuple[str, str]]:
    """Name and outcome of each test in a report."""
    found = []
    for case in ET.parse(report).iter("testcase"):
        name = "::".join(filter(None, (case.get("classname"), case.get("name"))))
        if case.find("failure") is not None or case.find("error") is not None:
            found.append((name, "failed"))
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            found.append((name, "skipped"))
        else:
            found.append((name, "passed"))
    return found


def record(report: Path, name: str, status: int) -> None:
    """Adds what a part's own report does not say: that a part without one ended, that one with a good one failed."""
    try:
        tests = outcomes(report)
    except FileNotFoundError:
        tests = None
    except ET.ParseError:
        tests, status = [], status or 1
    failed = any(outcome == "failed" for _, outcome in tests or ())
    if tests and (status == 0 or failed):
        return
    suite = ET.Element("testsuite", name=name)
    case = ET.SubElement(suite, "testcase", name=name)
    if status != 0 or tests is not None:
        ET.SubElement(case, "failure", message=f"exit status {status}, {len(tests or ())} tests reported")
    # Beside the report: its tests count all the same.
    ET.ElementTree(suite).write(report.with_name(f"{report.stem}-itself.xml"))
    if tests == []:
        report.unlink()


def sum_up(folder: Path) -> int:
    tests = [test for report in sorted(folder.glob("*.xml")) for test in outcomes(report)]
    for name, outcome in tests:
        if outcome == "failed":
            print(f"failed: {name}")
    count = Counter(outcome for _, outcome in tests)
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not count["passed"] else 0


def main() -> int:
    match sys.argv[1:]:
        case ["record", report, name, status]:
            record(Path(report), name, int(status))
            return 0
        case ["sum", folder]:
            return sum_up(Path(folder))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
