"""`make matrix`: how much the table of authorization compares, and the comparison."""

import sys

import pytest

from tests.test_authorization import counted


def main() -> int:
    """Print the counts, and run the comparison on both databases."""
    sys.stdout.write(f"{counted()}\n")
    sys.stdout.flush()
    return pytest.main(["-q", "tests/test_authorization.py", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
