"""Settings from the environment, prefix ``LIVESHELF_``; a secret may also come from a file named by ``…_FILE``."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

SECRETS = ("pseudonym_key", "later_pseudonym_keys", "signing_key", "publishable_key", "secret_key")


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads ``LIVESHELF_<SECRET>_FILE``."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"LIVESHELF_{field_name.upper()}_FILE") if field_name in SECRETS else None
        return (Path(path).read_text(encoding="utf-8").strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(None, name)[0] for name in SECRETS}
        return {name: value for name, value in found.items() if value}


class Settings(BaseSettings):
    """All settings; each description is its line of `deploy/settings.md`."""

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
    agents: str = Field(
        "visitor,item,profile,decision,learner,query,ledger", description="which agents this worker runs"
    )
    consent_default: Literal["denied", "granted"] = Field(
        "denied", description="consent stamped on HTTP events of visitors of whom nothing is known"
    )
    trust_browser_purchases: bool = Field(
        False, description="count purchases sent with the publishable key as revenue (small shops without a server)"
    )
    on_loss: Literal["halt", "continue"] = Field(
        "halt", description="what a worker does when the log lost records that it had not read"
    )
    require_visitor_token: bool = Field(
        False,
        description="with the publishable key, personal answers only to visitors who bring their token, and events "
        "only of them: for shops whose visitor ids can be guessed (an SDK's id is 128 random bits, and that is enough)",
    )
    api_keys_file: Path = Field(
        Path(), description="more API keys with scopes and origins, JSON as in schemas/api_keys.json; empty: none"
    )
    allowed_origins: str = Field(
        "",
        description="origins whose pages may use the publishable key, https://shop.example[,…]; empty: any. The API's "
        "own origin always may",
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="addresses of proxies whose X-Forwarded-For says who the client is, separated by commas; `*` "
        "trusts anybody, who can then pass for any address",
    )
    requests_an_address: int = Field(
        200,
        ge=0,
        description="requests and events a second from one client address with a publishable key, 20 s of it at once "
        "(an office or a mobile network shares one address); 0: no limit",
    )
    visitors_taught_an_address: int = Field(
        50,
        ge=0,
        description="visitors an hour from one client address whose events teach what others see; the others' are "
        "served, but not learnt from; 0: no limit",
    )
    banners_a_day: int = Field(
        20, ge=1, le=50, description="banners that one visitor is shown at most within 24 hours, over all slots"
    )
    banner_policy: str = Field(
        "shadow",
        pattern=r"^(live|shadow|uniform)(,[^=,]+=(live|shadow|uniform))*$",
        description="what chooses a slot's banner: `live` what is learnt of visitors, `shadow` what is learnt of all "
        "of them, with the other's estimate beside it, `uniform` nothing; for single slots after it: "
        "`shadow,home_hero=live`",
    )
    banner_least_share: float = Field(
        0.01,
        ge=0.001,
        le=0.5,
        description="the smallest share of a slot's views that each of its banners gets, so that all go on being tried",
    )
    reduce_new_items: bool = Field(
        False,
        description="announce reductions of items that have been on offer for less than 30 days, against their lowest "
        "price so far: only where the member state allows it (Directive 98/6/EC, Article 6a(4))",
    )
    reduce_progressively: bool = Field(
        False,
        description="a reduction that only grows, without a break, keeps the reference price of its first day: only "
        "where the member state allows it (Directive 98/6/EC, Article 6a(5))",
    )
    pseudonym_key: SecretStr = Field(
        SecretStr(""), description="key of visitors' pseudonyms; never change it: `liveshelf migrate` adds another"
    )
    later_pseudonym_keys: SecretStr = Field(
        SecretStr(""), description="keys that `liveshelf migrate` added, oldest first, separated by white space"
    )
    signing_key: SecretStr = Field(SecretStr(""), description="key of decision, fresh and visitor tokens")
    publishable_key: str = Field("", description="pk_…: events and decisions, may be seen by browsers")
    secret_key: SecretStr = Field(SecretStr(""), description="sk_…: everything; stays on servers")
    accounts_file: str = Field(
        "", description="accounts of the console (`liveshelf accounts`); empty: accounts.json in the data folder"
    )
    drain_s: float = Field(
        1.0,
        ge=0,
        description="how long `serve` goes on answering after SIGTERM, with /readyz at 503 and each answer closing its "
        "connection, so that whoever balances sends nothing more; then what is in flight ends",
    )
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
