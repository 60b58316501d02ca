"""Reports in words: their figures, how each is counted, and the keys of their rows."""

from __future__ import annotations

from typing import Any, Final

from flask_babel import lazy_gettext as _l

from hub.web.words.model import BAD, GOOD, INFO, Word

WORDS: Final[dict[str, dict[str, Word]]] = {
    "report_letter": {
        "waiting": Word(_l("waiting to be sent"), "clock", INFO),
        "sent": Word(_l("sent"), "check", GOOD),
        "failed": Word(_l("not sent"), "x", BAD),
    },
}
RHYTHMS: Final = {
    "day": _l("daily"),
    "week": _l("on Mondays"),
    "month": _l("on the first of the month"),
}
#: How often, and what the letter tells of.
RHYTHM_CHOICES: Final = {
    "day": _l("every day, about yesterday"),
    "week": _l("on Mondays, about last week"),
    "month": _l("on the first, about last month"),
}
TITLES: Final = {
    "calls": (_l("Calls"), "phone"),
    "leads": (_l("Leads"), "user-plus"),
    "orders": (_l("Orders"), "shopping-cart"),
    "messages": (_l("Letters"), "mail"),
}
PERIODS: Final = {
    "day": _l("day"),
    "week": _l("week"),
    "month": _l("month"),
    "quarter": _l("quarter"),
    "year": _l("year"),
    "any": _l("any days"),
}
FIGURES: Final = {
    "total": _l("All calls"),
    "incoming": _l("Incoming"),
    "outgoing": _l("Outgoing"),
    "answered": _l("Answered calls"),
    "missed": _l("Missed"),
    "missed_share": _l("Share missed"),
    "wait_median": _l("Usually wait for an answer"),
    "wait_p90": _l("9 of 10 wait no longer than"),
    "back_median": _l("Usually called back within"),
    "back_p90": _l("9 of 10 called back within"),
    "back_goal_share": _l("Called back within 15 minutes"),
    "lost": _l("Nobody talked to them"),
    "talk_seconds": _l("Talk time"),
    "mean_wait_seconds": _l("Waited on average"),
    "leads": _l("Leads"),
    "ordered": _l("Became an order"),
    "conversion": _l("Conversion into orders"),
    "bought": _l("Paid"),
    "bought_share": _l("Conversion into payment"),
    "orders": _l("Orders"),
    "cancelled": _l("Cancelled"),
    "average": _l("Average order"),
    "repeat": _l("Repeat orders"),
    "repeat_share": _l("Share of repeat orders"),
    "letters": _l("Received"),
    "sent": _l("Sent"),
    "unanswered": _l("Left without an answer"),
    "answer_median": _l("Usually answered within"),
    "answer_p90": _l("9 of 10 answered within"),
    "answer_goal_share": _l("Answered within an hour"),
    "records": _l("How many"),
    "share": _l("Share"),
}
#: Where a report calls a figure by another name than the others.
OWN_FIGURES: Final = {("orders", "total"): _l("Sum of orders")}
KEYS: Final = {
    "manager": _l("Manager"),
    "line": _l("Company's line"),
    "channel": _l("Channel"),
    "campaign": _l("Campaign"),
    "currency": _l("Currency"),
    "weekday": _l("Weekday"),
    "hour": _l("Hour"),
    "back": _l("Called back within"),
    "answer": _l("Answered within"),
}
TABLES: Final = {
    "manager": _l("By manager"),
    "line": _l("By line"),
    "hour": _l("By weekday and hour"),
    "back": _l("What became of missed calls"),
    "channel": _l("By channel"),
    "campaign": _l("By campaign"),
    "answer": _l("How soon letters were answered"),
}
#: What stands for an empty key.
NOBODY: Final = {
    "manager": _l("no manager"),
    "line": _l("no line named"),
    "channel": _l("no channel named"),
    "campaign": _l("no campaign"),
    "currency": _l("no currency"),
}
BANDS: Final = {
    "0-5": _l("under 5 minutes"),
    "5-15": _l("5–15 minutes"),
    "0-15": _l("under 15 minutes"),
    "15-30": _l("15–30 minutes"),
    "15-60": _l("15–60 minutes"),
    "30-60": _l("30–60 minutes"),
    "0-60": _l("under an hour"),
    "60-240": _l("1–4 hours"),
    "240-": _l("4–24 hours"),
    "240-1440": _l("4–24 hours"),
    "1440-": _l("1–3 days"),
    "came": _l("called again and got through"),
    "never": _l("never"),
}
STAGES: Final = {
    "ordered": _l("became an order"),
    "bought": _l("paid"),
    "cancelled": _l("cancelled"),
    "repeat": _l("repeat"),
}
#: How the numbers of a report are counted, for those who want to check them.
HOW: Final[dict[str, tuple[Any, ...]]] = {
    "calls": (
        _l("A call counts for the day and hour when it began, by the company's clock."),
        _l("Share missed: missed incoming calls among all incoming calls."),
        _l("Called back: the first outgoing call to that number within 24 hours, even if the "
           "client did not pick up. If the client got through before that, the call counts as "
           "«called again and got through»."),
        _l("Nobody talked to them: for 24 hours nobody called back and the client did not get "
           "through."),
        _l("«Usually» means: half of the cases took less, half took more. One very long wait "
           "does not spoil this number, as it would an average."),
    ),
    "leads": (
        _l("A lead counts for the day when it was received."),
        _l("Became an order: within 90 days the same client placed an order that was not "
           "cancelled."),
        _l("Paid: such an order is paid, by the shop's or 1C's word, or completed."),
    ),
    "orders": (
        _l("An order counts for the day when it was placed."),
        _l("The sum and the average leave out cancelled orders and those without a sum. Each "
           "currency is counted by itself."),
        _l("A repeat order: the same client has ordered before."),
    ),
    "messages": (
        _l("Letters from people only: bulk mail, auto-replies and delivery failures do not count."),
        _l("Answered: the first outgoing letter of the same conversation within three days."),
    ),
}  # fmt: skip
EMPTY: Final = {
    "calls": _l("There were no calls in these days."),
    "leads": _l("There were no leads in these days."),
    "orders": _l("There were no orders in these days."),
    "messages": _l("There were no letters in these days."),
}


def figure_title(report: str, name: str) -> Any:
    """A figure's name in a report."""
    return OWN_FIGURES.get((report, name)) or FIGURES[name]
