"""How much of something may come at once, and how much of it a second."""


class Allowance:
    """A bucket of tokens, by a clock that nobody sets back; times are in its seconds."""

    __slots__ = ("_at_once", "_left", "_per_s", "_since_s")

    def __init__(self, at_once: float, per_s: float, *, since_s: float) -> None:
        self._at_once = self._left = at_once
        self._per_s = per_s
        self._since_s = since_s

    def take(self, number: int, *, now_s: float) -> bool:
        """Whether so many more may come; if not, they are not counted."""
        refilled = self._left + (now_s - self._since_s) * self._per_s
        self._left = min(self._at_once, refilled)
        self._since_s = now_s
        if number > self._left:
            return False
        self._left -= number
        return True
