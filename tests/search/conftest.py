"""The checked-in schemas as validators."""

from tests.serving.conftest import validator

__all__ = ["validator"]
