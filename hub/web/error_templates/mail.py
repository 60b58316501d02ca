"""What the sending of letters says."""

from __future__ import annotations

from typing import Final

from hub.web.error_templates.marking import N_

TEMPLATES: Final = (
    N_("the mail server %(host)s broke off; it will be tried again"),
    N_("the mail server %(host)s knows no login of ours: %(said)s"),
    N_(
        "the certificate of the mail server %(host)s is not trusted (%(said)s); "
        "name its authority in mail.ca_file"
    ),
    N_(
        "TLS with the mail server %(host)s failed; port 465 usually takes mail.security: tls, "
        "port 587 starttls"
    ),
    N_("the name of the mail server %(host)s cannot be looked up now"),
    N_("there is no mail server %(host)s; check mail.host in hub.yml"),
    N_("the file of mail.ca_file is not there"),
    N_(
        "the mail server %(host)s does not answer; check mail.host, mail.port and whether "
        "a firewall lets it through"
    ),
    N_("the letter cannot be written: %(said)s"),
    N_("the mail server %(host)s is not ready: %(said)s"),
    N_(
        "the mail server %(host)s refused the login; check mail.username and mail.password, "
        "some services want a password made for programs (%(said)s)"
    ),
    N_(
        "the mail server %(host)s does not let us write as %(email)s; mail.from must be "
        "an address of the mailbox that logs in (%(said)s)"
    ),
    N_("the mail server %(host)s did not take the letter: %(said)s"),
    N_("the mail server %(host)s does not take letters to %(email)s; check the address (%(said)s)"),
    N_(
        "the mail server %(host)s offers no STARTTLS; set mail.security to tls, or to none in "
        "your own network"
    ),
    N_(
        "the mail server %(host)s offers no login; leave mail.username empty, or set "
        "mail.security to tls or starttls"
    ),
    N_("the mail server %(host)s cannot do it: %(said)s"),
    N_("no mail server is set up; name it in hub.yml, mail.host"),
)
