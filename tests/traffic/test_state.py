"""Buckets and breakers: the same in one process and in Redis."""

from __future__ import annotations

import pytest

from hub.sdk.traffic import Urgency
from hub.traffic.model import Limit
from tests.traffic.conftest import KEY, RULE, Box

TEN = Limit("a", 10, 20)
ONE_IN_TWO_SECONDS = Limit("stats", 0.5, 1)


def test_a_burst_goes_and_then_the_rate(box: Box) -> None:
    assert box.take(TEN) == 20
    refused = box.enter(TEN)
    assert refused.kind == "full"
    assert refused.wait == pytest.approx(0.1, abs=0.002)
    box.clock.now += 0.5
    assert box.take(TEN) == 5
    box.clock.now += 3600
    assert box.take(TEN) == 20


def test_all_limits_give_a_token_or_none_does(box: Box) -> None:
    narrow, wide = Limit("narrow", 1, 1), Limit("wide", 1, 2)
    assert box.enter(narrow, wide).kind == "go"
    assert box.enter(narrow, wide).kind == "full"
    # The refused call left the other limit's token where it was.
    assert box.take(wide) == 1


def test_a_clock_that_goes_back_stops_nothing(box: Box) -> None:
    assert box.take(TEN) == 20
    box.clock.now -= 3600
    assert box.enter(TEN).kind == "full"
    box.clock.now += 1
    assert box.take(TEN) == 10


def test_bulk_leaves_the_last_part_to_live_calls(box: Box) -> None:
    assert box.take(TEN, Urgency.BULK) == 15
    assert box.take(TEN, Urgency.LIVE) == 5


def test_bulk_passes_where_there_is_nothing_to_share(box: Box) -> None:
    assert box.enter(ONE_IN_TWO_SECONDS, urgency=Urgency.BULK).kind == "go"
    assert box.enter(ONE_IN_TWO_SECONDS, urgency=Urgency.BULK).wait == pytest.approx(2, abs=0.01)


def test_a_live_call_that_waits_goes_before_bulk(box: Box) -> None:
    box.take(ONE_IN_TWO_SECONDS)
    assert box.enter(ONE_IN_TWO_SECONDS, urgency=Urgency.LIVE).kind == "full"
    box.clock.now += 2.01
    assert box.enter(ONE_IN_TWO_SECONDS, urgency=Urgency.BULK).kind == "full"
    assert box.enter(ONE_IN_TWO_SECONDS, urgency=Urgency.LIVE).kind == "go"
    # And it does not hold bulk up any longer than that.
    box.clock.now += 2.01
    assert box.enter(ONE_IN_TWO_SECONDS, urgency=Urgency.BULK).kind == "go"


def test_a_live_call_that_went_away_holds_bulk_up_only_for_a_moment(box: Box) -> None:
    box.take(ONE_IN_TWO_SECONDS)
    assert box.enter(ONE_IN_TWO_SECONDS, urgency=Urgency.LIVE).kind == "full"
    box.clock.now += 2.2
    assert box.enter(ONE_IN_TWO_SECONDS, urgency=Urgency.BULK).kind == "go"


def test_the_breaker_opens_after_failures_in_a_row(box: Box) -> None:
    box.fail(2)
    assert box.enter().kind == "go"
    assert box.state.breakers() == []
    box.fail()
    refused = box.enter()
    assert refused.kind == "open"
    assert refused.wait == pytest.approx(30, abs=0.1)
    assert refused.reason == "api.example:443 cannot be reached"
    # Another host of the connection, and another connection to the host, go on.
    assert box.enter(key="7:other:443").kind == "go"
    assert box.enter(key="8:api.example:443").kind == "go"


def test_a_success_between_starts_the_count_anew(box: Box) -> None:
    box.fail(2)
    assert box.enter().troubled
    box.state.succeeded(KEY)
    assert not box.enter().troubled
    box.fail(2)
    assert box.enter().kind == "go"


def test_failures_that_lie_far_apart_do_not_open_it(box: Box) -> None:
    for _ in range(6):
        box.fail()
        box.clock.now += RULE.window / 2 + 1
        assert box.enter().kind == "go"


def test_one_probe_at_a_time_and_success_closes(box: Box) -> None:
    box.fail(3)
    box.clock.now += 30.1
    (half,) = box.state.breakers()
    assert half.state == "half_open"
    probe = box.enter()
    assert (probe.kind, probe.probing) == ("go", True)
    others = [box.enter() for _ in range(5)]
    assert {other.kind for other in others} == {"open"}
    assert max(other.wait for other in others) <= 5
    box.state.succeeded(KEY)
    assert box.state.breakers() == []
    assert [box.enter().kind for _ in range(5)] == ["go"] * 5


def test_a_failed_probe_doubles_the_pause_up_to_the_longest(box: Box) -> None:
    box.fail(3)
    pauses = []
    for _ in range(4):
        box.clock.now += 101
        assert box.enter().probing
        box.fail(probing=True)
        pauses.append(round(box.enter().wait))
    assert pauses == [60, 100, 100, 100]


def test_a_probe_whose_worker_died_is_taken_over(box: Box) -> None:
    box.fail(3)
    box.clock.now += 31
    assert box.enter(hold=40).probing
    box.clock.now += 39
    assert box.enter().kind == "open"
    box.clock.now += 2
    assert box.enter().probing


def test_a_probe_that_was_not_made_is_given_back(box: Box) -> None:
    box.fail(3)
    box.clock.now += 31
    assert box.enter().probing
    box.state.dropped(KEY)
    assert box.enter().probing


def test_a_straggler_does_not_lengthen_the_pause(box: Box) -> None:
    box.fail(3)
    box.clock.now += 10
    box.fail()
    assert box.enter().wait == pytest.approx(20, abs=0.1)


def test_a_host_that_asks_for_a_pause_gets_it_at_once(box: Box) -> None:
    box.fail(after=45)
    assert box.enter().wait == pytest.approx(45, abs=0.1)
    # Not for longer than the longest: a breaker is no way to switch a connection off.
    box.fail(after=86400)
    assert box.enter().wait == pytest.approx(RULE.longest, abs=0.1)


def test_a_person_s_test_passes_an_open_breaker(box: Box) -> None:
    box.fail(3)
    assert box.enter(urgency=Urgency.BULK).kind == "open"
    assert box.enter(urgency=Urgency.PERSON).probing
    box.state.succeeded(KEY)
    assert box.enter(urgency=Urgency.BULK).kind == "go"


def test_a_breaker_is_shown_with_its_reason_and_times(box: Box) -> None:
    box.fail(3)
    (shown,) = box.state.breakers()
    assert (shown.connection_id, shown.host, shown.failures) == (7, "api.example:443", 3)
    assert shown.state == "open"
    assert shown.reason == "api.example:443 cannot be reached"
    assert (shown.next_probe_at - shown.opened_at).total_seconds() == pytest.approx(30, abs=0.01)


def test_a_breaker_that_nobody_asks_is_forgotten(box: Box) -> None:
    box.fail(3)
    box.clock.now += 30 + RULE.window + RULE.longest + 1
    assert box.enter().kind == "go"
