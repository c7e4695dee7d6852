"""What is generated is fresh."""

from __future__ import annotations

from importlib.resources import files

from stream.state.table import document


def test_the_table_of_keys_is_fresh() -> None:
    assert files("schemas").joinpath("state.md").read_text(encoding="utf-8") == document(), (
        "run: python -m stream.state.table > schemas/state.md"
    )
