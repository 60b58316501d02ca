"""Vendors that repeat each request until the hub says that it has it."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Sequence

import requests

from tests.soak.script import Post

SENDERS = 6
REPLY_SECONDS = 20
PAUSE_SECONDS = 0.25
#: What a vendor may be told while the hub is in trouble: come again.
COME_AGAIN = 503
Key = tuple[str, str, bytes]


class Senders:
    """Threads that post; `backlog` is what they still have to say."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._queue: queue.Queue[Post] = queue.Queue()
        self._stop, self._lock = threading.Event(), threading.Lock()
        self.answers: Counter[str] = Counter()
        self.acknowledged: Counter[Key] = Counter()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def say(self, posts: Sequence[Post]) -> None:
        """Have these sent, each as often as it wants."""
        for post in posts:
            self._queue.put(post)

    @property
    def backlog(self) -> int:
        """How many posts are not acknowledged yet."""
        return self._queue.unfinished_tasks

    def stop(self) -> None:
        """Stop, whatever is left."""
        self._stop.set()
        for thread in self._threads:
            thread.join(REPLY_SECONDS + 5)

    def strange(self) -> dict[str, int]:
        """Answers that no vendor should ever get from a hub in trouble."""
        usual = {"acknowledged", "no answer", str(COME_AGAIN)}
        return {word: count for word, count in self.answers.items() if word not in usual}

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not self._stop.is_set():
                try:
                    post = self._queue.get(timeout=0.2)
                except queue.Empty:
                    continue
                for _ in range(post.times):
                    self._until_acknowledged(session, post)
                self._queue.task_done()

    def _until_acknowledged(self, session: requests.Session, post: Post) -> None:
        while not self._stop.is_set():
            answer = self._once(session, post)
            with self._lock:
                self.answers[answer] += 1
                if answer == "acknowledged":
                    request = post.request
                    self.acknowledged[post.connection, request.path, request.body] += 1
                    return
            self._stop.wait(PAUSE_SECONDS)

    def _once(self, session: requests.Session, post: Post) -> str:
        request = post.request
        path = f"/{request.path}" if request.path else ""
        try:
            answer = session.request(
                request.method,
                f"{self._url}/in/{post.connection}{path}",
                data=request.body,
                headers=dict(request.headers),
                timeout=REPLY_SECONDS,
            )
        except requests.RequestException:
            return "no answer"
        return "acknowledged" if answer.ok else str(answer.status_code)
