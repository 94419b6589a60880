"""Prints the slowest tests of a run: slowest-tests.py JUNIT_FILE [COUNT]

The file is what cargo-nextest writes (`junit` in .config/nextest.toml). Times are wall-clock seconds.
"""

import sys
import xml.etree.ElementTree as ElementTree

COUNT = 10


def tests(path):
    """Seconds, name and outcome of each test."""
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        for case in suite.iter("testcase"):
            failed = case.find("failure") is not None or case.find("error") is not None
            name = f"{suite.get('name')} {case.get('name')}"
            yield float(case.get("time", 0)), name, ", failed" if failed else ""


def main():
    found = sorted(tests(sys.argv[1]), reverse=True)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else COUNT
    total = sum(seconds for seconds, _, _ in found)
    print(f"the slowest of {len(found)} tests, which took {total:.0f} s together:")
    for seconds, name, outcome in found[:count]:
        print(f"{seconds:8.1f} s  {name}{outcome}")


main()
