"""The transforms of the mapping language: named pure functions, one registry."""

from __future__ import annotations

from hub.mapping.transforms import numeric, people, structure, text, times
from hub.mapping.transforms.registry import (
    MISSING,
    TRANSFORMS,
    MappingContext,
    Missing,
    Transform,
    TransformError,
    as_text,
    is_empty,
    sample,
    transform,
)

__all__ = [
    "MISSING",
    "TRANSFORMS",
    "MappingContext",
    "Missing",
    "Transform",
    "TransformError",
    "as_text",
    "is_empty",
    "numeric",
    "people",
    "sample",
    "structure",
    "text",
    "times",
    "transform",
]
