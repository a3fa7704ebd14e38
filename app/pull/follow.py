"""Following: rounds one after the other, at the pace of the source."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.pull.items import PullError
from app.pull.replica import ReplicaRound
from app.pull.round import Round, RoundReport

JITTER_SECONDS = 60.0
"""How much earlier or later a round begins, so that not all ask at the same second."""
log = logging.getLogger("entente.pull")


@dataclass(slots=True)
class Follower:
    """Keeps datasets current by rounds, until it has to end."""

    make_rounds: Callable[[], Sequence[Round | ReplicaRound]]
    every: float
    """Seconds between the beginnings of two rounds."""
    on_report: Callable[[RoundReport], None]
    ended: threading.Event = field(default_factory=threading.Event)

    def follow(self, *, once: bool = False) -> None:
        """Run rounds; a source that cannot be reached is asked again in the next one."""
        while not self.ended.is_set():
            begun = time.monotonic()
            for one in self.make_rounds():
                try:
                    self.on_report(one.run())
                except PullError as failed:
                    if failed.exit_code != 1 or once:
                        raise
                    log.warning("%s: %s", one.source.name, failed)
                finally:
                    one.wire.close()
            if once:
                return
            rest = self.every - (time.monotonic() - begun) + random.uniform(0, JITTER_SECONDS)
            self.ended.wait(max(1.0, rest))
