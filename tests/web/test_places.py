"""Places for the making of pages: given in order, given back, and nobody waits for good."""

from __future__ import annotations

import threading

from hub.web.places import Places, goes_out
from tests.support.waiting import wait_until


def test_places_are_given_in_the_order_they_were_asked_for() -> None:
    places = Places(1)
    served: list[int] = []
    assert places.take(1)

    def wait_for_one(number: int) -> None:
        assert places.take(10)
        served.append(number)
        places.give_back()

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=wait_for_one, args=(number,)))
        threads[-1].start()
        wait_until(lambda: len(places.waiting) == len(threads), 10, "one more waits")
    places.give_back()
    for thread in threads:
        thread.join(10)
    assert served == [0, 1, 2, 3, 4]


def test_who_lost_patience_takes_nobodys_place() -> None:
    places = Places(1)
    assert places.take(0.01)
    assert not places.take(0.01)
    places.give_back()
    assert places.take(0.01)


def test_a_view_that_goes_out_is_marked() -> None:
    @goes_out
    def view() -> str:
        return ""

    assert getattr(view, "goes_out", False)
