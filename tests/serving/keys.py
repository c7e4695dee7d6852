"""A keys file with one key of each kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from serving.http.keys import OF_PAGES, SCOPES

PAGE_KEYS = {f"pk_{scope}": f"pk_{scope}_0123456789abcdef" for scope in sorted(OF_PAGES)}
SERVER_KEYS = {f"sk_{scope}": f"sk_{scope}_0123456789abcdef" for scope in sorted(SCOPES)}
SHOP, OTHER = "https://shop.example", "https://other.example"


def written(folder: Path, *keys: dict[str, Any]) -> Path:
    """A keys file with these keys."""
    path = folder / "keys.json"
    path.write_text(json.dumps(keys))
    return path


def of_each_scope(folder: Path) -> Path:
    """A keys file with a key for each scope, and none for two."""
    named = {**PAGE_KEYS, **SERVER_KEYS}
    return written(
        folder, *[{"name": name, "key": key, "scopes": [name.partition("_")[2]]} for name, key in named.items()]
    )
