"""Counts of rates in this process.

By sliding windows, as the library `limits` counts in Valkey. Its own memory walks all its keys with
every count; here a whole window is let go of at once, and counting takes a microsecond.
"""

import time
from collections.abc import Hashable
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)

MAX_KEYS = 100_000
"""Of one length of windows. Whoever comes after so many others is not counted in this window: they
are too many to tell nuisance from a crowd by address."""


@dataclass(slots=True)
class _Windows:
    """The counts of the window that is open, and of the one before."""

    number: int = -1
    counts: dict[Hashable, int] = field(default_factory=dict)
    before: dict[Hashable, int] = field(default_factory=dict)
    is_crowded: bool = False

    def move_to(self, number: int) -> None:
        """Open another window."""
        self.before = self.counts if number == self.number + 1 else {}
        self.counts = {}
        self.number = number
        self.is_crowded = False


class ProcessMemory:
    """The counts of all keys, by the length of their windows in seconds."""

    def __init__(self) -> None:
        self._windows: dict[int, _Windows] = {}

    def count(self, key: Hashable, amount: int, *, limit: int, window_s: int) -> bool:
        """Count an amount, if the limit allows it."""
        if not self.allows(key, amount, limit=limit, window_s=window_s):
            return False
        windows = self._windows[window_s]
        counts = windows.counts
        if key in counts:
            counts[key] += amount
        elif len(counts) < MAX_KEYS:
            counts[key] = amount
        elif not windows.is_crowded:
            windows.is_crowded = True
            log.warning("rates_crowded", keys=MAX_KEYS, window_s=window_s)
        return True

    def allows(self, key: Hashable, amount: int, *, limit: int, window_s: int) -> bool:
        """Whether the limit allows it; the last window counts by the part that is still covered."""
        windows, left = self._at(window_s)
        count = windows.counts.get(key, 0) + amount
        if windows.before:
            count += int(windows.before.get(key, 0) * left)
        return count <= limit

    def counts(self, key: Hashable, window_s: int) -> tuple[int, int, float]:
        """The counts of the last window and of this one, and the seconds that are left of it."""
        windows, left = self._at(window_s)
        return windows.before.get(key, 0), windows.counts.get(key, 0), left * window_s

    def _at(self, window_s: int) -> tuple[_Windows, float]:
        """The windows of now, and which part of the open one is left."""
        windows = self._windows.get(window_s)
        if windows is None:
            windows = self._windows[window_s] = _Windows()
        # Of this clock all windows begin at the same moment, whoever is counted.
        elapsed = time.monotonic() / window_s
        number = int(elapsed)
        if number != windows.number:
            windows.move_to(number)
        return windows, 1 - (elapsed - number)
