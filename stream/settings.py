"""Settings from the environment, prefix ``LIVESHELF_``; a secret may also come from a file named by ``…_FILE``."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

SECRETS = ("pseudonym_key", "signing_key", "publishable_key", "secret_key")


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads ``LIVESHELF_<SECRET>_FILE``."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"LIVESHELF_{field_name.upper()}_FILE") if field_name in SECRETS else None
        return (Path(path).read_text(encoding="utf-8").strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(None, name)[0] for name in SECRETS}
        return {name: value for name, value in found.items() if value}


class Settings(BaseSettings):
    """All settings; every description is the documentation that `liveshelf config` prints."""

    model_config = SettingsConfigDict(env_prefix="LIVESHELF_", extra="ignore")

    broker_url: str = Field(
        "", description="Kafka bootstrap servers, host:port[,host:port]; empty: `up` starts its own"
    )
    redis_url: str = Field("", description="redis://host:port/db; empty: `up` starts its own")
    data_dir: Path = Field(
        Path.home() / ".local/share/liveshelf", description="what `up` keeps: keys, local copies, its own Redis"
    )
    run_id: str = Field("", description="names one run of the embedded broker; part of the stored positions")
    embedded_broker: bool = Field(
        False, description="the broker is the embedded one: small memory, back-pressure needed"
    )
    key_prefix: str = Field("ls", description="first part of every Redis key")
    group: str = Field("liveshelf", description="Kafka consumer group")
    member: str = Field(
        "", description="a worker's own stable name in its group (the supervisor gives one): recovery takes 2 s, not 6"
    )
    partitions: int = Field(
        0,
        ge=0,
        description="partitions of keyed topics when they are created (parallelism against scripts); 0: 48, embedded 4",
    )
    agents: str = Field("visitor,item,profile,learner", description="which agents this worker runs")
    consent_default: Literal["denied", "granted"] = Field(
        "denied", description="consent stamped on HTTP events of visitors of whom nothing is known"
    )
    trust_browser_purchases: bool = Field(
        False, description="count purchases sent with the publishable key as revenue (small shops without a server)"
    )
    on_loss: Literal["halt", "continue"] = Field(
        "halt", description="what a worker does when the log lost records that it had not read"
    )
    pseudonym_key: SecretStr = Field(SecretStr(""), description="key of visitors' pseudonyms; never change it")
    signing_key: SecretStr = Field(SecretStr(""), description="key of decision and fresh tokens")
    publishable_key: str = Field("", description="pk_…: events and decisions, may be seen by browsers")
    secret_key: SecretStr = Field(SecretStr(""), description="sk_…: everything; stays on servers")
    demo: bool = Field(False, description="simulated shoppers are in the shop; the first page says so")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _SecretFiles(settings_cls)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
