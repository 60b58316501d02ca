"""InterfaceVersion, which БСП ships in every configuration: the cheapest call that proves a base.

Follows `http://www.1c.ru/SaaS/1.0/WS`: GetVersions(InterfaceName) → array of strings.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from connectors._protocols.soap import SoapService
from connectors._protocols.soap_wire import SoapOptions
from hub.sdk.errors import ConfigError, HubError
from hub.sdk.records import CheckStep

SERVICE, OPERATION, TITLE = "InterfaceVersion", "GetVersions", "Пробный вызов 1С"


def check_call(options: SoapOptions) -> CheckStep | None:
    """Call GetVersions beside the service at `options`; None where it is not published."""
    address = f"{options.address.rpartition('/')[0]}/{SERVICE}.1cws"
    beside = replace(options, wsdl=f"{address}?wsdl", address=address, service="", port="")
    with closing(SoapService(beside)) as service:
        try:
            known = OPERATION in service.operations
        except HubError:
            return None
        if not known:
            return None
        try:
            service.told(OPERATION, {"InterfaceName": ""})
        except ConfigError:
            return None
        except HubError as error:
            return CheckStep(TITLE, False, error.message)
    return CheckStep(TITLE, True, f"{SERVICE}.{OPERATION} отвечает")
