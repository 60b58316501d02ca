"""What the mapping says: of values that do not fit, of documents that are wrong."""

from __future__ import annotations

from typing import Final

from hub.web.error_templates.marking import N_

TEMPLATES: Final = (
    N_(
        "%(field)s from %(path)s: %(reason)s (value «%(value)s»); mend this row of the "
        "mapping or the sender's data, then replay the event"
    ),
    N_(
        "%(field)s from %(path)s: %(reason)s; mend this row of the mapping or the sender's "
        "data, then replay the event"
    ),
    N_("%(field)s from %(path)s: %(reason)s"),
    N_("the field is required and the source has no value"),
    N_("an external id is longer than %(number)s characters"),
    N_("«%(value)s» is no list of lines"),
    N_("more than %(number)s lines"),
    N_("%(function)s() cannot take %(type)s (it takes %(known)s)"),
    N_("the path fails on this data (%(type)s): %(path)s"),
    N_("«%(value)s» is not an amount of money"),
    N_("«%(value)s» is not a quantity"),
    N_("«%(value)s» is not a whole number"),
    N_("«%(value)s» is not a unix time"),
    N_("«%(value)s» is not a unix time in seconds: perhaps unixtime_ms"),
    N_("«%(value)s» is not a unix time in milliseconds"),
    N_("«%(value)s» is too large for an amount of money"),
    N_("«%(value)s» is too large for a quantity"),
    N_("«%(value)s» is too large for a whole number"),
    N_("«%(value)s» is too large for a unix time"),
    N_("«%(value)s» has too many digits after the point"),
    N_("«%(value)s» is neither yes nor no"),
    N_("«%(value)s» is not a phone number"),
    N_("«%(value)s» is not an e-mail address"),
    N_("«%(value)s» is not an INN"),
    N_("«%(value)s» is not a KPP"),
    N_("a list came where one value is wanted: use first, join or each"),
    N_("an object came where one value is wanted: name a field inside it"),
    N_("«%(value)s» is not a usable number"),
    N_("the number is too long"),
    N_("the HTML is too large"),
    N_("the HTML cannot be read (%(type)s)"),
    N_("«%(value)s» is not a currency: a code such as RUB is wanted"),
    N_("«%(value)s» is not a time the hub understands"),
    N_("«%(value)s»: the year %(year)s is impossible"),
    N_("«%(value)s» is a bare number: use unixtime or unixtime_ms"),
    N_("«%(value)s» does not look like %(format)s"),
    N_("the path is empty"),
    N_("the path is longer than %(number)s characters"),
    N_("the path is nested too deeply"),
    N_(
        "«%(path)s» is not a JMESPath expression at character %(number)s; names with dashes "
        "or spaces stand in double quotes inside the path"
    ),
    N_(
        "«%(path)s» is not a JMESPath expression; names with dashes or spaces stand in "
        "double quotes inside the path"
    ),
    N_("JMESPath has no function %(function)s()"),
    N_("JMESPath has no function %(function)s(); perhaps %(known)s"),
    N_("JMESPath function %(function)s() takes %(wanted)s arguments, not %(number)s"),
    N_("JMESPath function %(function)s() takes at least %(wanted)s arguments, not %(number)s"),
    N_("cannot be read: %(reason)s"),
    N_("a mapping is {fields: {…}, contact: {…}, …}"),
    N_("unknown transform «%(name)s»; perhaps %(known)s"),
    N_("unknown transform «%(name)s»; allowed: %(known)s"),
    N_("unknown field «%(name)s»; perhaps %(known)s"),
    N_("unknown field «%(name)s»; allowed: %(known)s"),
    N_("unknown entity «%(name)s»; perhaps %(known)s"),
    N_("unknown entity «%(name)s»; allowed: %(known)s"),
    N_("a path is wanted, e.g. billing.phone"),
    N_("the list of paths is empty"),
    N_("a transform is a name or {name: argument}"),
    N_("transform %(name)s takes no argument"),
    N_("transform %(name)s: %(reason)s"),
    N_("«%(format)s» is not a date format such as %%d.%%m.%%Y"),
    N_("it needs the name of a table in the connection's settings, e.g. settings.managers"),
    N_("it needs the text to put between, e.g. «, »"),
    N_("rows are wanted: target field, colon, source path"),
    N_("exactly one of %(known)s is wanted"),
    N_("otherwise works only beside choices"),
    N_("a single value is wanted"),
    N_("each and fields go together"),
    N_("each goes only with fields, only, required, when"),
    N_("create or update is wanted"),
    N_("a row is a path or {from: path, as: transform, …}"),
    N_("extra fields are extra.<name>: letters, digits, _"),
    N_("this field is no list: each cannot fill it"),
    N_("lines are filled by each and fields: %(known)s"),
    N_("Not a valid string."),
    N_("Not a valid boolean."),
    N_("Not a valid mapping type."),
    N_("%(message)s (and %(number)s more)"),
)
