"""Every setting is documented, in one place, and what the compose file sets is one."""

import re
from pathlib import Path

import pytest

from stream.settings import SECRETS, Settings
from stream.settings_table import document, rows

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_settings_is_fresh() -> None:
    assert (ROOT / "deploy/settings.md").read_text(encoding="utf-8") == document(), (
        "run: python -m stream.settings_table > deploy/settings.md"
    )


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name: str) -> None:
    assert len(Settings.model_fields[name].description or "") > 10


def test_no_secret_has_a_default() -> None:
    assert {name: default for name, default, _ in rows() if "(secret)" in name} == {
        f"`LIVESHELF_{name.upper()}` (secret)": "–" for name in SECRETS
    }


@pytest.mark.parametrize("file", ["docker-compose.yml", "README.md", "deploy/Dockerfile"])
def test_what_is_set_elsewhere_is_a_setting(file: str) -> None:
    named = set(re.findall(r"LIVESHELF_([A-Z_]+[A-Z])", (ROOT / file).read_text()))
    assert named
    of_secrets = {f"{name}_file" for name in SECRETS}
    assert {name.lower() for name in named} <= Settings.model_fields.keys() | of_secrets
