"""Where a service is described: kept copies, imported schemas, addresses that lead nowhere."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from connectors._protocols.soap import SoapService
from connectors._protocols.soap_wire import SoapOptions
from hub.sdk.errors import ConfigError, HubError, RetryLater
from hub.sdk.testing import VendorServer, body_of, reply

NS = "http://example.ru/x"
ANSWER = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    f'<m:ПолучитьResponse xmlns:m="{NS}"><m:return><Row xmlns="{NS}/types"><Имя>Стул</Имя></Row>'
    "</m:return></m:ПолучитьResponse></s:Body></s:Envelope>"
).encode()
TYPES = f"""<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{NS}/types"
  xmlns:t="{NS}/types" elementFormDefault="qualified">
 <xs:complexType name="Row"><xs:sequence><xs:element name="Имя" type="xs:string"/></xs:sequence>
 </xs:complexType>
 <xs:complexType name="Rows"><xs:sequence>
  <xs:element name="Row" type="t:Row" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
 </xs:complexType>
</xs:schema>"""


def wsdl(schema_location: str) -> str:
    """A WSDL whose types lie in a document of their own."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"
  xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema"
  xmlns:tns="{NS}" name="Обмен" targetNamespace="{NS}">
 <types><xs:schema targetNamespace="{NS}" xmlns:t="{NS}/types" elementFormDefault="qualified">
  <xs:import namespace="{NS}/types" schemaLocation="{schema_location}"/>
  <xs:element name="Получить"><xs:complexType><xs:sequence/></xs:complexType></xs:element>
  <xs:element name="ПолучитьResponse"><xs:complexType><xs:sequence>
   <xs:element name="return" type="t:Rows"/></xs:sequence></xs:complexType></xs:element>
 </xs:schema></types>
 <message name="In"><part name="parameters" element="tns:Получить"/></message>
 <message name="Out"><part name="parameters" element="tns:ПолучитьResponse"/></message>
 <portType name="P"><operation name="Получить"><input message="tns:In"/>
  <output message="tns:Out"/></operation></portType>
 <binding name="B" type="tns:P">
  <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
  <operation name="Получить"><soap:operation soapAction="{NS}#Обмен:Получить"/>
   <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output>
  </operation></binding>
 <service name="Обмен"><port name="ОбменSoap" binding="tns:B">
  <soap:address location="http://10.0.0.5/ut/ws/обмен"/></port></service>
</definitions>"""


class Publication:
    """A web server with a WSDL, its schema, and calls; `said` are the headers of documents."""

    def __init__(self) -> None:
        self.schema_location = "types.xsd"
        self.said: dict[str, str] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.status = 200
        self.zipped = False
        self.cut = 0
        self.server = VendorServer(self.app)

    def app(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        body_of(environ)
        path = environ["PATH_INFO"].encode("latin-1").decode()
        wanted = environ.get("HTTP_IF_NONE_MATCH") or environ.get("HTTP_IF_MODIFIED_SINCE") or ""
        self.asked.append((environ["REQUEST_METHOD"], path, wanted))
        if environ["REQUEST_METHOD"] == "POST":
            return self.answer(start)
        if self.status != 200:
            return reply(start, self.status, b"", "text/html")
        documents = {
            "/ut/ws/обмен": wsdl(self.schema_location.format(self.server.url)),
            "/ut/ws/types.xsd": TYPES,
        }
        if path not in documents:
            return reply(start, 404, b"<html>Not Found</html>", "text/html")
        if wanted and wanted in self.said.values():
            return reply(start, 304, b"", "text/xml")
        return reply(start, 200, documents[path].encode(), "text/xml", self.said.items())

    def answer(self, start: StartResponse) -> Iterable[bytes]:
        body = gzip.compress(ANSWER) if self.zipped else ANSWER
        headers = [("Content-Type", "text/xml; charset=utf-8")]
        if self.zipped:
            headers.append(("Content-Encoding", "gzip"))
        headers.append(("Content-Length", str(len(body))))
        start("200 OK", headers)
        return [body[: len(body) - self.cut]]

    def soap(self, folder: Path | None = None, **options: Any) -> SoapService:
        address = f"{self.server.url}/ut/ws/обмен"
        given = {"wsdl": f"{address}?wsdl", "cache_dir": str(folder or ""), **options}
        return SoapService(SoapOptions(address=address, **given))


@pytest.fixture
def publication() -> Iterator[Publication]:
    found = Publication()
    found.server.start()
    yield found
    found.server.stop()


def names(service: SoapService) -> list[Any]:
    return list(service.rows("Получить", {}, "return.Row"))


ROWS = [{"Имя": "Стул"}]


@pytest.mark.parametrize(
    "location",
    [
        "types.xsd",
        "{}/ut/ws/types.xsd",
        # As the server is called from inside: nobody outside can reach that, the path is the same.
        "http://10.0.0.5:8080/ut/ws/types.xsd",
    ],
)
def test_schemas_of_their_own_are_read_from_our_own_server(
    publication: Publication, location: str
) -> None:
    publication.schema_location = location
    assert names(publication.soap()) == ROWS
    assert [path for method, path, _ in publication.asked if method == "GET"] == [
        "/ut/ws/обмен",
        "/ut/ws/types.xsd",
    ]


@pytest.mark.parametrize("location", ["http://v8.example.org/core.xsd", "нет.xsd"])
def test_a_schema_that_cannot_be_had_is_explained(publication: Publication, location: str) -> None:
    publication.schema_location = location
    with pytest.raises(ConfigError) as caught:
        names(publication.soap())
    for words in ("core.xsd" if "core" in location else "xsd", "Сохраните WSDL", "404"):
        assert words in caught.value.message


def test_a_saved_wsdl_finds_its_schema_beside_it(publication: Publication, tmp_path: Path) -> None:
    saved = tmp_path / "обмен.wsdl"
    saved.write_text(wsdl("types.xsd"), encoding="utf-8")
    with pytest.raises(ConfigError, match="не читается"):
        names(publication.soap(wsdl=str(saved)))
    (tmp_path / "types.xsd").write_text(TYPES, encoding="utf-8")
    assert names(publication.soap(wsdl=str(saved))) == ROWS
    saved.write_text(wsdl("http://1c.local/types.xsd"), encoding="utf-8")
    with pytest.raises(ConfigError, match="сохраните этот документ рядом"):
        names(publication.soap(wsdl=str(saved)))


@pytest.mark.parametrize(
    "said", [{"ETag": '"7a"'}, {"Last-Modified": "Mon, 12 Jan 2026 15:21:10 GMT"}]
)
def test_a_kept_document_is_asked_for_only_when_it_changed(
    publication: Publication, tmp_path: Path, said: dict[str, str]
) -> None:
    publication.said = said
    assert names(publication.soap(tmp_path)) == ROWS
    publication.asked.clear()
    assert names(publication.soap(tmp_path)) == ROWS
    (value,) = said.values()
    assert [wanted for method, _, wanted in publication.asked if method == "GET"] == [value] * 2


def test_a_damaged_copy_is_not_believed(publication: Publication, tmp_path: Path) -> None:
    publication.said = {"ETag": '"7a"'}
    assert names(publication.soap(tmp_path)) == ROWS
    for copy in tmp_path.glob("*.xml"):
        copy.write_bytes(copy.read_bytes()[:100])
    publication.asked.clear()
    assert names(publication.soap(tmp_path)) == ROWS
    assert [wanted for _, _, wanted in publication.asked] == ["", "", ""]
    publication.status = 502
    assert names(publication.soap(tmp_path)) == ROWS
    for copy in tmp_path.glob("*.xml"):
        copy.write_bytes(b"<x/>")
    with pytest.raises(RetryLater):
        names(publication.soap(tmp_path))


def test_a_zipped_answer_is_read_and_a_cut_one_gives_nothing(publication: Publication) -> None:
    publication.zipped = True
    assert names(publication.soap()) == ROWS
    for cut in (1, 20, 100):
        publication.cut = cut
        with pytest.raises(HubError) as caught:
            names(publication.soap())
        assert type(caught.value) is RetryLater
