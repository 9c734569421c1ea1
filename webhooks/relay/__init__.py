"""From the pull feed to a receiver on this machine: reads events, signs them anew, posts them. No tunnel, no open port."""

from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from itertools import count
from pathlib import Path

from webhooks.relay.feed import Feed, FeedItem, RelayRefusedError, check_base_url
from webhooks.relay.progress import Progress, load_progress, store_progress
from webhooks.relay.receiver import LONGEST_WAIT_SECONDS, Forwarded, Receiver, Sleep, check_receiver

__all__ = ["Feed", "FeedItem", "Forwarded", "Receiver", "Relay", "RelayRefusedError", "check_base_url", "check_receiver"]


@dataclass(frozen=True, slots=True)
class Relay:
    """A feed, a receiver, and the file that says how far it came. `sleep` waits, and answers whether to stop."""

    feed: Feed
    receiver: Receiver
    cursor_file: Path
    sleep: Sleep
    tell: Callable[[Forwarded], None]
    warn: Callable[[str], None]
    poll_seconds: float = 1.0

    def run(self, *, begin: str) -> None:
        """Forward events in order until told to stop.

        Raises: RelayRefusedError when the service will not give them out.
        """
        progress = load_progress(self.cursor_file, otherwise=begin)
        while True:
            page = self._read_patiently(progress.after)
            if page is None:
                return
            items, following = page
            for item in items:
                progress = self._pass_on(item, progress)
                if self.sleep(0):
                    return
            progress = Progress(following, progress.seq)
            store_progress(self.cursor_file, progress)
            if self.sleep(0 if items else self.poll_seconds):
                return

    def _read_patiently(self, after: str) -> tuple[list[FeedItem], str] | None:
        """The next page, however long the service is away; None when told to stop meanwhile."""
        for failures in count(1):
            try:
                return self.feed.read(after)
            except (OSError, HTTPException) as error:
                self.warn(f"The feed cannot be read ({type(error).__name__}); trying again.")
            if self.sleep(min(2.0 ** min(failures, 10), LONGEST_WAIT_SECONDS)):
                break
        return None

    def _pass_on(self, item: FeedItem, progress: Progress) -> Progress:
        """Forward one event and remember it; one that was interrupted comes again next time."""
        passed, is_done = Progress(item.cursor, progress.seq + 1), False
        if item.data is None:
            self.warn(f"{item.id} is too old: its data was deleted.")
        else:
            for each in self.receiver.forward(item, seq=passed.seq, sleep=self.sleep):
                self.tell(each)
                is_done = each.is_delivered
        if not is_done and self.sleep(0):
            return progress
        store_progress(self.cursor_file, passed)
        return passed
