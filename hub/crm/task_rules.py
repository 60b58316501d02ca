"""What hub.yml says of tasks: deadlines of call-backs, working hours, reminders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from hub.crm.working_hours import WorkingHours, working_hours
from hub.settings import Settings

#: As in config/hub.yml: a file of one's own need not repeat them.
CALL_BACK_MINUTES = 15
WITHIN_DAYS = 3
REMIND_MINUTES = 10
LETTER_DAYS = 30
TITLES = {"ru": "Перезвонить {number}", "en": "Call back {number}"}


@dataclass(frozen=True)
class TaskRules:
    """The rules of one company."""

    hours: WorkingHours
    call_back_minutes: int = CALL_BACK_MINUTES
    #: Missed calls longer ago than this make no task: a history that is read in is no news.
    within: timedelta = timedelta(days=WITHIN_DAYS)
    attempt_closes: bool = False
    #: Our line → who answers for it, where the client has no manager.
    lines: Mapping[str, str] = field(default_factory=dict)
    default_manager: str = ""
    title: str = TITLES["ru"]

    def manager_of(self, line: str | None, rung: str | None) -> str | None:
        """Who calls back when the client has no manager: the line's, who was rung, the default."""
        return self.lines.get(line or "") or rung or self.default_manager or None


def task_rules(settings: Settings) -> TaskRules:
    """The rules as hub.yml has them; ConfigError names what is wrong in it."""
    option = settings.option
    return TaskRules(
        working_hours(option("tasks.working_hours", {}), ZoneInfo(settings.timezone)),
        int(option("tasks.call_back_minutes", CALL_BACK_MINUTES)),
        within(settings),
        bool(option("tasks.attempt_closes", False)),
        {str(line): str(email) for line, email in dict(option("tasks.lines", {})).items()},
        str(option("tasks.default_manager", "")),
        str(option("tasks.title", TITLES[settings.language])),
    )


def within(settings: Settings) -> timedelta:
    """How long ago a missed call may be and still make a task."""
    return timedelta(days=float(settings.option("tasks.within_days", WITHIN_DAYS)))


def letter_span(settings: Settings) -> timedelta:
    """Letters longer ago than this wait for no answer any more."""
    return timedelta(days=float(settings.option("tasks.letter_days", LETTER_DAYS)))


def remind_span(settings: Settings) -> timedelta:
    """How long before its deadline a task is reminded of, unless it says so itself."""
    return timedelta(minutes=int(settings.option("tasks.remind_minutes", REMIND_MINUTES)))
