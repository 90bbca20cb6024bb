"""What an origin does not give, in one line."""

from __future__ import annotations

from rosberta.frame.mistakes import Mistake


class Unavailable(Mistake):
    """A pin, or a file of it, that its origin does not give."""

    def __init__(self, where: str, reason: str, advice: str) -> None:
        """Make one line of all three."""
        super().__init__(f"{where}: {reason}; {advice}")
        self.where, self.reason, self.advice = where, reason, advice


class Unreachable(Unavailable):
    """An origin that gives no answer at all: what holds for one pin then holds for all."""
