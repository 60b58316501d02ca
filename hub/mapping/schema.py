"""Judges a mapping document: marshmallow schemas whose errors say where and what is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema
from marshmallow.types import UnknownOption

from hub.mapping.model import (
    EXTRA,
    ID_ROWS,
    KEEP,
    SECTIONS,
    MappingConfigError,
    MappingDocument,
    Problem,
    Row,
    Section,
    field_kinds,
    line_kinds,
    section_kinds,
)
from hub.mapping.paths import PathError, compile_path
from hub.mapping.places import flatten, locate, plain
from hub.mapping.transforms import MISSING, TRANSFORMS
from hub.sdk.entities import ENTITIES, JSON

_EXTRA = re.compile(r"extra\.\w{1,100}")
SCALAR = (str, int, float, bool, type(None))


def unknown(what: str, name: str, allowed: Iterable[str]) -> str:
    """«unknown X «name»; perhaps a, b» or, without near ones, everything allowed."""
    names = list(allowed)
    near = get_close_matches(name, names, 3, 0.5)
    hint = f"perhaps {', '.join(near)}" if near else f"allowed: {', '.join(sorted(names))}"
    return f"unknown {what} «{name}»; {hint}"


class _Strict(Schema):
    class Meta:
        unknown: UnknownOption = EXCLUDE

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _known_keys(self, data: Any, original: Any, **_: Any) -> None:
        allowed = [str(one.data_key or name) for name, one in self.fields.items()]
        wrong = {
            str(name): [unknown("key", str(name), allowed)]
            for name in original
            if name not in allowed
        }
        if wrong:
            raise ValidationError(wrong)


class PathField(fields.Field[Any]):
    """One path, checked by compiling it."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("a path is wanted, e.g. billing.phone")
        try:
            compile_path(value)
        except PathError as error:
            raise ValidationError(str(error)) from error
        return value


class PathsField(PathField):
    """One path, or several of which the first that is not empty wins."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, list):
            return [super()._deserialize(value, attr, data)]
        if not value:
            raise ValidationError("the list of paths is empty")
        return [super(PathsField, self)._deserialize(item, attr, data) for item in value]


class StepsField(fields.Field[Any]):
    """`as`: a transform, or a list of them, each a name or {name: argument}."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        items = value if isinstance(value, list) else [value]
        return [self._step(item) for item in items]

    def _step(self, item: Any) -> tuple[str, Any]:
        if isinstance(item, dict) and len(item) == 1:
            name, argument = next(iter(item.items()))
        elif isinstance(item, str):
            name, argument = item, None
        else:
            raise ValidationError("a transform is a name or {name: argument}")
        known = TRANSFORMS.get(name)
        if known is None:
            raise ValidationError(unknown("transform", name, TRANSFORMS))
        if known.check is None and argument is not None:
            raise ValidationError(f"transform {name} takes no argument")
        wrong = known.check(argument) if known.check else ""
        if wrong:
            raise ValidationError(f"transform {name}: {wrong}")
        return name, argument


class RowsField(fields.Field[Any]):
    """{target: row}; a row may be written as its path alone."""

    def __init__(self, *, nested: bool = False, **kwargs: Any) -> None:
        self.nested = nested
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError("rows are wanted: target field, colon, source path")
        loaded, errors = {}, {}
        for target, row in value.items():
            try:
                loaded[target] = load_row(target, row, nested=self.nested)
            except ValidationError as error:
                errors[target] = error.messages
        if errors:
            raise ValidationError(errors)
        return loaded


class _LineRowSchema(_Strict):
    from_ = PathsField(data_key="from")
    const = fields.Raw(allow_none=True)
    as_ = StepsField(data_key="as")
    default = fields.Raw(allow_none=True)
    choices = fields.Dict(keys=fields.String(), values=fields.Raw(allow_none=True))
    otherwise = fields.Raw(allow_none=True)
    required = fields.Boolean(truthy={True}, falsy={False})
    when = PathField()

    @validates_schema
    def _one_source(self, data: Any, **_: Any) -> None:
        sources = [key for key in ("from_", "const", "each") if key in data]
        if len(sources) != 1:
            names = "from, const, each" if "each" in self.fields else "from, const"
            raise ValidationError(f"exactly one of {names} is wanted")
        if "otherwise" in data and "choices" not in data:
            raise ValidationError("otherwise works only beside choices", "otherwise")
        if not isinstance(data.get("default"), SCALAR):
            raise ValidationError("a single value is wanted", "default")
        if ("each" in data) != ("rows" in data):
            raise ValidationError("each and fields go together")
        if "each" in data and not data.keys() <= {"each", "rows", "only_", "required", "when"}:
            raise ValidationError("each goes only with fields, only, required, when")


class _RowSchema(_LineRowSchema):
    each = PathField()
    rows = RowsField(nested=True, data_key="fields")
    only_ = fields.String(
        data_key="only",
        validate=validate.OneOf(["create", "update"], error="create or update is wanted"),
    )


class _DocumentSchema(_Strict):
    entity = fields.String()
    external_id = fields.Raw()
    version = fields.Raw()
    occurred_at = fields.Raw()
    rows = RowsField(data_key="fields")
    contact = fields.Dict()
    company = fields.Dict()


_ROW, _LINE_ROW, _DOCUMENT = _RowSchema(), _LineRowSchema(), _DocumentSchema()


def load_row(target: str, row: Any, *, nested: bool = False) -> Row:
    """Check one row written short or long; marshmallow's ValidationError when it is wrong."""
    if isinstance(row, str | list):
        row = {"from": row}
    if not isinstance(row, dict):
        raise ValidationError("a row is a path or {from: path, as: transform, …}")
    data = (_LINE_ROW if nested else _ROW).load(row)
    default = data.get("default")
    return Row(
        target=target,
        paths=tuple(data.get("from_", ())),
        const=data.get("const", MISSING),
        steps=tuple(data.get("as_", ())),
        default=MISSING if default is None else default,
        choices=data.get("choices"),
        otherwise=data.get("otherwise", KEEP),
        each=data.get("each", ""),
        rows=tuple(data.get("rows", {}).values()),
        only=data.get("only_", ""),
        required=data.get("required", False),
        when=data.get("when", ""),
    )


def _target_errors(entity: str, rows: Iterable[Row], kinds: Mapping[str, str]) -> dict[str, Any]:
    """What the rows' targets do wrong, by target."""
    errors: dict[str, Any] = {}
    for row in rows:
        if row.target.startswith(EXTRA):
            if not _EXTRA.fullmatch(row.target):
                errors[row.target] = ["extra fields are extra.<name>: letters, digits, _"]
            continue
        if row.target not in kinds:
            errors[row.target] = [unknown("field", row.target, [*kinds, "extra.<name>"])]
            continue
        if row.each and kinds[row.target] != JSON:
            errors[row.target] = ["this field is no list: each cannot fill it"]
        lines = line_kinds(entity, row.target)
        if lines and not row.each:
            errors[row.target] = [f"lines are filled by each and fields: {', '.join(lines)}"]
        wrong = {
            below.target: [unknown("field", below.target, lines)]
            for below in row.rows
            if lines and below.target not in lines
        }
        if wrong:
            errors[row.target] = {"fields": wrong}
    return errors


def _load_section(name: str, data: dict[str, Any]) -> Section:
    kinds = section_kinds(name)
    rows = {target: row for target, row in data.items() if target != "when"}
    loaded = RowsField().deserialize(rows)
    errors: dict[str, Any] = {
        target: [unknown("field", target, kinds)] for target in rows if target not in kinds
    }
    errors |= _target_errors(name, [r for r in loaded.values() if r.target in kinds], kinds)
    if errors:
        raise ValidationError(errors)
    condition = PathField().deserialize(data["when"]) if "when" in data else ""
    return Section(tuple(loaded.values()), condition)


def _load(data: Any, name: str) -> dict[str, Any]:
    """The parts of a document; ValidationError with everything that is wrong."""
    if not isinstance(data, dict):
        raise ValidationError("a mapping is {fields: {…}, contact: {…}, …}")
    errors: dict[str, Any] = {}
    loaded: dict[str, Any] = {}
    try:
        loaded = _DOCUMENT.load(data)
    except ValidationError as error:
        errors = dict(_mapping(error.messages))
        loaded = error.valid_data if isinstance(error.valid_data, dict) else {}
    entity = str(data.get("entity", name))
    if entity not in ENTITIES:
        errors["entity"] = [unknown("entity", entity, ENTITIES)]
    elif "rows" in loaded:
        wrong = _target_errors(entity, loaded["rows"].values(), field_kinds(entity))
        errors |= {"fields": wrong} if wrong else {}
    parts: dict[str, Any] = {"entity": entity, "fields": tuple(loaded.get("rows", {}).values())}
    for key in (*ID_ROWS, *SECTIONS):
        if key not in loaded:
            continue
        try:
            section = key in SECTIONS
            parts[key] = _load_section(key, data[key]) if section else load_row(key, data[key])
        except ValidationError as error:
            errors[key] = error.messages
    errors = {key: messages for key, messages in errors.items() if messages}
    if errors:
        raise ValidationError(errors)
    return parts


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def build_document(data: Any, name: str, place: str = "") -> MappingDocument:
    """Check a mapping document and build it.

    `data` is plain data or what ruamel.yaml loaded (then errors carry line and column); `name` is
    the default entity. Raises MappingConfigError listing every problem.
    """
    simple = plain(data)
    try:
        parts = _load(simple, name)
    except ValidationError as error:
        problems = []
        for path, message in flatten(error.messages):
            line, column = locate(data, path)
            key = ".".join(str(step) for step in path)
            problems.append(Problem(key, message, place, line, column))
        raise MappingConfigError(problems) from error
    content = json.dumps([name, simple], ensure_ascii=False, sort_keys=True, default=str)
    return MappingDocument(name=name, source=simple, content=content, place=place, **parts)
