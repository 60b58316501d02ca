"""The field mapping language: loader, compiler, transforms, preview, checks."""
