"""The validators of the checked-in schemas."""

from tests.schemas.conftest import validator

__all__ = ["validator"]
