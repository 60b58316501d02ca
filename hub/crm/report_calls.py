"""The figures and tables of calls and of letters: how many, and how long people waited."""

from __future__ import annotations

from typing import Any, Final

from hub.crm.report_model import (
    NOTHING,
    Cell,
    Figure,
    Line,
    Scope,
    Table,
    banded,
    cell,
    in_band,
    largest_first,
    pairs,
    percentile,
    share,
)
from hub.store.report_tally import CALL, CAME, MAIL, NEVER, Numbers

#: Minutes in which the waiting of callers and writers is told.
BACK_BANDS: Final = ((0, 5), (5, 15), (15, 30), (30, 60), (60, 240), (240, None))
ANSWER_BANDS: Final = ((0, 15), (15, 60), (60, 240), (240, 1440), (1440, None))
#: «Called back in 15 minutes», «answered in an hour».
BACK_GOAL, ANSWER_GOAL = 15, 60


def _call_facts(numbers: Numbers) -> Cell:
    found = cell(CALL, numbers.get("hour", {}).values())
    back, wait = numbers.get("back", {}), numbers.get("wait", {})
    seconds = {name: percentile(back, per) for name, per in (("median", 50), ("p90", 90))}
    found |= {
        "missed_share": share(found["missed"], found["incoming"]),
        "wait_median": percentile(wait, 50),
        "wait_p90": percentile(wait, 90),
        "called_back": in_band(back, 0, None),
        "back_goal_share": share(in_band(back, 0, BACK_GOAL), found["missed"]),
        "came": back.get(CAME, [0])[0],
        "lost": back.get(NEVER, [0])[0],
    }
    for name, minutes in seconds.items():
        found[f"back_{name}"] = None if minutes is None else minutes * 60
    return found


def call_figures(scope: Scope, now: Numbers, then: Numbers) -> list[Figure]:
    """What a head of sales asks first about calls."""
    missed = {"direction": "in", "status": "missed"}
    return pairs(
        _call_facts(now),
        _call_facts(then),
        (
            ("total", "count", 0, scope.records()),
            ("incoming", "count", 0, scope.records(direction="in")),
            ("outgoing", "count", 0, scope.records(direction="out")),
            ("missed", "count", -1, scope.records(**missed)),
            ("missed_share", "percent", -1, None),
            ("wait_median", "seconds", -1, None),
            ("wait_p90", "seconds", -1, None),
            ("back_median", "seconds", -1, None),
            ("back_p90", "seconds", -1, None),
            ("back_goal_share", "percent", 1, scope.records(back=f"0-{BACK_GOAL}")),
            ("lost", "count", -1, scope.records(back=NEVER)),
            ("talk_seconds", "seconds", 0, None),
        ),
    )


def _call_row(scope: Scope, one: Cell, **narrower: str) -> dict[str, Figure]:
    mean = round(one["wait_seconds"] / one["waited"]) if one["waited"] else None
    figures = (
        Figure("total", one["total"], records=scope.records(**narrower)),
        Figure("incoming", one["incoming"], records=scope.records(direction="in", **narrower)),
        Figure("outgoing", one["outgoing"], records=scope.records(direction="out", **narrower)),
        Figure("answered", one["answered"], records=scope.records(status="answered", **narrower)),
        Figure(
            "missed",
            one["missed"],
            records=scope.records(direction="in", status="missed", **narrower),
        ),
        Figure("missed_share", share(one["missed"], one["incoming"]), "percent"),
        Figure("mean_wait_seconds", mean, "seconds"),
        Figure("talk_seconds", one["talk_seconds"], "seconds"),
    )
    return {figure.name: figure for figure in figures}


_CALL_COLUMNS: Final = (
    "total", "incoming", "outgoing", "answered", "missed", "missed_share", "mean_wait_seconds",
    "talk_seconds",
)  # fmt: skip


def call_tables(scope: Scope, now: Numbers) -> list[Table]:
    """By manager, by line, by weekday and hour, by the time to call back."""
    found = []
    for name in ("manager", "line"):
        rows: list[Line] = [
            ((key,), _call_row(scope, cell(CALL, [one]), **{name: key or NOTHING}))
            for key, one in now.get(name, {}).items()
        ]
        found.append(Table(name, (name,), _CALL_COLUMNS, largest_first(rows, "total")))
    hours: list[Line] = [
        (
            tuple(key.split(".")),
            _call_row(
                scope,
                cell(CALL, [one]),
                weekday=key.split(".")[0],
                hour=key.split(".")[1],
            ),
        )
        for key, one in now.get("hour", {}).items()
    ]
    hours.sort(key=lambda row: tuple(map(int, row[0])))
    found.append(Table("hour", ("weekday", "hour"), _CALL_COLUMNS, hours))
    facts = _call_facts(now)
    ends = ((CAME, facts["came"]), (NEVER, facts["lost"]))
    found.append(banded(scope, "back", now.get("back", {}), BACK_BANDS, ends, facts["missed"]))
    return found


def _mail_facts(numbers: Numbers) -> Cell:
    found = cell(MAIL, numbers.get("manager", {}).values())
    answer = numbers.get("answer", {})
    found["unanswered"] = answer.get(NEVER, [0])[0]
    found["answer_goal_share"] = share(in_band(answer, 0, ANSWER_GOAL), found["letters"])
    for name, per_cent in (("median", 50), ("p90", 90)):
        minutes = percentile(answer, per_cent)
        found[f"answer_{name}"] = None if minutes is None else minutes * 60
    return found


def message_figures(scope: Scope, now: Numbers, then: Numbers) -> list[Figure]:
    """Letters that came, and how soon they were answered."""
    return pairs(
        _mail_facts(now),
        _mail_facts(then),
        (
            ("letters", "count", 0, scope.records(direction="in")),
            ("sent", "count", 0, scope.records(direction="out")),
            ("unanswered", "count", -1, scope.records(answer=NEVER)),
            ("answer_median", "seconds", -1, None),
            ("answer_p90", "seconds", -1, None),
            ("answer_goal_share", "percent", 1, scope.records(answer=f"0-{ANSWER_GOAL}")),
        ),
    )


def message_tables(scope: Scope, now: Numbers) -> list[Table]:
    """By the time to answer, and by manager."""
    facts = _mail_facts(now)
    ends = ((NEVER, facts["unanswered"]),)
    answers = now.get("answer", {})
    rows: list[Line] = []
    for key, one in now.get("manager", {}).items():
        who = {"manager": key or NOTHING}
        figures = {
            "letters": Figure("letters", one[0], records=scope.records(direction="in", **who)),
            "sent": Figure("sent", one[1], records=scope.records(direction="out", **who)),
        }
        rows.append(((key,), figures))
    return [
        banded(scope, "answer", answers, ANSWER_BANDS, ends, facts["letters"]),
        Table("manager", ("manager",), ("letters", "sent"), largest_first(rows, "letters")),
    ]


def drawn_calls(numbers: Numbers) -> dict[str, Any]:
    """What is drawn of calls."""
    found = cell(CALL, numbers.get("hour", {}).values())
    return {name: found[name] for name in ("incoming", "outgoing", "missed")}


def drawn_messages(numbers: Numbers) -> dict[str, Any]:
    """What is drawn of letters."""
    found = cell(MAIL, numbers.get("manager", {}).values())
    return {"letters": found["letters"], "sent": found["sent"]}
