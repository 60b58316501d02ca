"""What the connectors shipped with the hub say in English."""

from __future__ import annotations

from typing import Final

from hub.web.error_templates.marking import N_

TEMPLATES: Final = (
    N_("the server takes logins only over TLS"),
    N_("is not a certificate in PEM form"),
    N_("%(host)s broke off: %(said)s"),
    N_("%(host)s refused the login of %(username)s: %(said)s"),
    N_("%(host)s does not let in just now: %(said)s"),
    N_("cannot open «%(folder)s»: %(said)s"),
    N_("%(host)s cannot open «%(folder)s» just now: %(said)s"),
    N_("the mail has no headers"),
    N_("the mail cannot be read: %(said)s"),
    N_("the mail has too many parts (%(number)s boundaries)"),
    N_("the mail's parts are nested too deeply"),
    N_("the mail has over %(most)s parts or %(number)s levels of them"),
    N_("there is no stream «%(name)s», only «messages»"),
    N_("the server lists the mail and does not give it"),
    N_("the mail is %(size)s MB, larger than max_message_mb=%(number)s"),
    N_("timestamp or token is missing"),
    N_("no signature can be read: %(reason)s"),
    N_(
        "a tracking event («%(kind)s») of a mail sent by Mailgun, not an inbound mail: the "
        "address was set under Webhooks, it belongs under Receiving, in a route's forward()"
    ),
    N_("the JSON holds no «event-data»"),
    N_("the form has neither «body-mime» nor a sender nor a subject"),
    N_("the mail's fields cannot be read: %(said)s"),
    N_("a table row has %(number)s values for %(columns)s columns"),
    N_("%(field)s is missing"),
    N_("must be within a day"),
    N_("%(name)s is not a unix time in seconds: %(value)s"),
    N_("%(name)s is longer than %(number)s characters"),
    N_("the form has no field json"),
    N_("the field json holds no object"),
    N_("this is not a message of Mango: it has no fields sign and json"),
    N_("tags of recordings are not kept"),
    N_("keys pressed in the menu are not kept"),
    N_("text messages are not kept"),
    N_("«%(kind)s» answers a command, and this hub sends Mango none"),
    N_(
        "«%(kind)s» is not a path Mango adds; the address in its account must end with the "
        "connection's name"
    ),
    N_("«%(word)s» is not a known call_state"),
    N_("the recording is not finished (recording_state «%(word)s»)"),
    N_("Mango did not keep the recording (completion_code %(number)s)"),
    N_("must be %(prefix)s followed by base64"),
    N_("«%(path)s» is not JMESPath: %(reason)s"),
    N_("%(place)s «%(path)s» does not fit this body: %(reason)s"),
    N_("is empty"),
    N_("webhook-id, webhook-timestamp or webhook-signature is missing"),
    N_("scheme token needs exactly one of header, query, field"),
    N_("the Basic authorization is missing"),
    N_("the user name or password does not match"),
    N_("the token cannot be read: %(reason)s"),
    N_("the Basic authorization is not base64"),
    N_("no row of settings.records fits this body"),
    N_("%(place)s.external_id «%(path)s» finds no id"),
    N_("needs at least one row"),
    N_("the body holds more than %(number)s records"),
    N_("must be a table of entity, when, from, …"),
    N_("%(place)s.from «%(path)s» is not in this body"),
    N_("%(place)s.from finds %(type)s, not an object"),
    N_("unknown key; allowed: %(known)s"),
    N_("this webhook does not subscribe to %(kind)s"),
    N_("must start with https:// or http:// and a host"),
    N_("must not hold a name or password"),
    N_("is not an address: %(said)s"),
    N_("«%(name)s» is none of: %(known)s"),
    N_("«%(name)s» is none of created, updated, deleted, order.created, …"),
    N_(
        "the receiver closed this address for good (%(message)s); pause the connection or "
        "change settings.url"
    ),
    N_("the shop answered %(type)s to /%(path)s, not a list"),
    N_("WooCommerce has no stream «%(name)s»"),
    N_("the object has no id"),
    N_(
        "the shop sent an error instead of the object: %(error)s, status %(status)s. The "
        "user who created the webhook lost the rights to read it: save the webhook again as "
        "an administrator, then poll"
    ),
    N_("coupons are not kept; an order names the coupons it used"),
    N_("an action carries no record; choose a topic of orders, customers or products"),
    N_("the topic «%(topic)s» is not known"),
    N_("the body is %(type)s, not an object"),
)
