"""Counts of rates in this process, as a storage of the library `limits`.

The library's own walks all its keys with every count; here a whole window is let go of at once.
"""

import time
from dataclasses import dataclass, field

import structlog
from limits.aio.storage import Storage
from limits.aio.storage.base import SlidingWindowCounterSupport

log = structlog.get_logger(__name__)

MAX_KEYS = 100_000
"""Of one length of windows. Whoever comes after so many others is not counted in this window: they
are too many to tell nuisance from a crowd by address."""


@dataclass(slots=True)
class _Windows:
    """The counts of the window that is open, and of the one before."""

    number: int = -1
    counts: dict[str, int] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)

    def move_to(self, number: int) -> None:
        """Open another window."""
        self.before = self.counts if number == self.number + 1 else {}
        self.counts = {}
        self.number = number


class ProcessMemory(Storage, SlidingWindowCounterSupport):
    """What `SlidingWindowCounterRateLimiter` needs, and nothing else."""

    STORAGE_SCHEME = ["async+process-memory"]  # noqa: RUF012 - the library's declaration

    def __init__(self) -> None:
        self._windows: dict[int, _Windows] = {}
        super().__init__()

    async def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        """Count `amount` if the limit allows it; windows have `expiry` seconds."""
        windows, left = self._at(expiry)
        counts = windows.counts
        count = counts.get(key, 0)
        weighted = windows.before.get(key, 0) * left + count
        if int(weighted) + amount > limit:
            return False
        if not count and len(counts) >= MAX_KEYS:
            if len(counts) == MAX_KEYS:
                log.warning("rates_crowded", keys=MAX_KEYS, window_s=expiry)
                counts[""] = 0  # so that it is said once
            return True
        counts[key] = count + amount
        return True

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """The count of the last window, its seconds left, and the same of this one."""
        windows, left = self._at(expiry)
        before = windows.before.get(key, 0)
        left_s = left * expiry
        return before, left_s if before else 0.0, windows.counts.get(key, 0), left_s + expiry

    def _at(self, expiry: int) -> tuple[_Windows, float]:
        """The windows of now, and which part of the open one is left."""
        windows = self._windows.get(expiry)
        if windows is None:
            windows = self._windows[expiry] = _Windows()
        # Of this clock all windows begin at the same moment, whoever is counted.
        elapsed, part = divmod(time.monotonic() / expiry, 1)
        if elapsed != windows.number:
            windows.move_to(int(elapsed))
        return windows, 1 - part

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a storage of this kind raises when it is away, which it never is."""
        return OSError

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Only sliding windows are counted."""
        raise NotImplementedError

    async def get(self, key: str) -> int:
        """Only sliding windows are counted."""
        raise NotImplementedError

    async def get_expiry(self, key: str) -> float:
        """Only sliding windows are counted."""
        raise NotImplementedError

    async def check(self) -> bool:
        """It always answers."""
        return True

    async def reset(self) -> int | None:
        """Forget everything."""
        self._windows.clear()
        return None

    async def clear(self, key: str) -> None:
        """Forget what a key has in the windows that are kept."""
        for windows in self._windows.values():
            windows.counts.pop(key, None)
            windows.before.pop(key, None)

    async def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Forget what a key has in windows of this length."""
        windows, _ = self._at(expiry)
        windows.counts.pop(key, None)
        windows.before.pop(key, None)
