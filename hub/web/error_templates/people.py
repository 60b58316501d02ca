"""What is refused about users, sign-on, tokens, personal data."""

from __future__ import annotations

from typing import Final

from hub.web.error_templates.marking import N_

TEMPLATES: Final = (
    N_("The last active administrator stays: nobody could let anybody in any more."),
    N_("there is no such user"),
    N_("%(address)s is a user already"),
    N_("the invitation is not open any more"),
    N_("you cannot shut yourself out"),
    N_("this user has no code from the phone"),
    N_("name the program that will use the token"),
    N_("choose how long the token is good"),
    N_("choose what the token may touch"),
    N_("this token is revoked already"),
    N_("what was typed does not match: nothing is erased"),
    N_("this person is being erased already"),
    N_("the raw request was erased together with a person's data"),
    N_("the raw request is gone: it was older than hub.yml lets them be kept"),
    N_("the identity provider sent no id_token"),
    N_("the identity provider refused the code: %(message)s"),
    N_("the identity provider's token cannot be trusted: %(said)s"),
    N_("the identity provider tells of another person"),
    N_("the identity provider names no %(what)s"),
    N_("the identity provider calls itself by another name"),
    N_("the identity provider's answer cannot be understood"),
    N_("the sign-on was not begun in this browser, or is too old"),
    N_("the answer does not belong to this sign-on"),
    N_("the identity provider refused: %(said)s"),
    N_("%(address)s is no user of the hub: ask an administrator to invite you"),
    N_("%(address)s may not sign in: ask an administrator"),
    N_("the identity provider tells no e-mail"),
    N_("addresses like %(address)s may not sign in"),
    N_("the identity provider has not verified %(address)s"),
    N_("none of your groups opens the hub: ask an administrator"),
    N_("%(address)s is taken by another account"),
)
