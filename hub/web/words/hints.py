"""What a person can do about a step of a connection test that failed."""

from __future__ import annotations

from typing import Any, Final

from flask_babel import lazy_gettext as _l

HINTS: Final[dict[str, Any]] = {
    "name": _l(
        "There is no such name. Check the address for a slip; a name of your own network "
        "must be known to the hub's machine too (DNS or its hosts file)."
    ),
    "address": _l(
        "The hub may not call this address. A private one that an admin did not name "
        "himself must be allowed in hub.yml, network.allow."
    ),
    "refused": _l(
        "The machine answers, but nothing listens on this port. Check the port and "
        "whether the service runs."
    ),
    "timeout": _l(
        "Nobody answers. Most often a firewall: allow the hub's machine to reach this "
        "address and port."
    ),
    "unreachable": _l(
        "There is no way to this machine. Check the network, VPN and routing of the hub's machine."
    ),
    "expired": _l("The certificate has run out: renew it on that server."),
    "clock": _l("The certificate is not valid yet: compare the clocks of both machines."),
    "other_name": _l(
        "The certificate is made out to another name: use the name that stands in it, or "
        "issue a new one."
    ),
    "own_certificate": _l(
        "The certificate is issued by your own company or by nobody known: put the "
        "issuer's certificate (PEM) into the settings where there is such a field, or "
        "install a public one."
    ),
    "certificate": _l(
        "The certificate does not pass the check: look at what the server shows in a browser."
    ),
    "no_tls": _l(
        "On this port nobody speaks TLS: check the port, or use the address without "
        "encryption inside your own network."
    ),
    "login": _l(
        "The server is there but refuses the login. Check the name and renew the key or "
        "password on the page of secrets; many mail services want an app password."
    ),
    "settings": _l("Something in the settings stops the test: mend the named one."),
    "sample": _l(
        "Logging in works, but the rows cannot be read or taken apart: the message says "
        "what to mend."
    ),
    "empty": _l("Reading works; there is nothing to read just now."),
}
