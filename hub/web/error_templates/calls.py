"""What is said about calls that people want made and recordings they want to hear."""

from __future__ import annotations

from typing import Final

from hub.web.error_templates.marking import N_

TEMPLATES: Final = (
    N_("no telephony can ring you: your extension is in no connection's settings"),
    N_("this telephony makes no calls for the hub"),
    N_("this call has no number to call back"),
    N_("the recording is larger than any call's"),
    N_("the provider answered %(status)s for this recording"),
)
