"""`make matrix`: how much the table of authorization compares, and the comparison."""

import sys

import pytest

from tests.test_authorization import CALLERS, FORBIDDEN_IDS, TABLE, slots_to_try


def main() -> int:
    """Print the counts, and run the comparison on both databases."""
    rows = sum(map(len, TABLE["fields"].values()))
    ids = sum(map(len, FORBIDDEN_IDS.values())) * len(slots_to_try())
    sys.stdout.write(
        f"{len(CALLERS)} callers, {rows} fields in {len(TABLE['fields'])} sections, "
        f"{len(TABLE['mutations'])} mutations: {len(CALLERS) * rows} answers compared\n"
        f"{len(slots_to_try())} places of an id, {len(FORBIDDEN_IDS)} callers: "
        f"{ids} forbidden ids compared with unknown ones; all of this on both databases\n"
    )
    sys.stdout.flush()
    return pytest.main(["-q", "tests/test_authorization.py", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
