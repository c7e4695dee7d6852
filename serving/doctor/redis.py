"""Redis: that it keeps what it is given, and answers in time."""

from __future__ import annotations

from serving.doctor.facts import Away, Facts
from serving.doctor.finding import Finding, bad, ok, warn
from stream.state.redis import Condition

SLOW_MS = 10.0
OLDEST = (6, 2)
FULL, NEARLY_FULL = 0.95, 0.8
SKEW_MS = 2_000


def reachable(facts: Facts) -> Finding:
    """Whether Redis answers, and fast enough for a request's budget of 25 ms."""
    if not facts.settings.redis_url:
        return bad("LIVESHELF_REDIS_URL is not set.", "Set it to redis://host:port/db, or use `liveshelf up`.")
    if isinstance(facts.redis, Away):
        return bad(f"{facts.redis.why}.", "Start Redis, or correct LIVESHELF_REDIS_URL (address, password, TLS).")
    took = f"Redis answers in {facts.redis.answered_ms:.1f} ms"
    if facts.redis.answered_ms > SLOW_MS:
        fix = "Put it nearer, or look for slow commands (SLOWLOG) and swapping."
        return warn(f"{took}: shelves give up after 25 ms and are then degraded.", fix)
    return ok(f"{took}.")


def eviction(facts: Facts) -> Finding | None:
    """Whether Redis may drop keys."""
    if not isinstance(facts.redis, Condition):
        return None
    policy = facts.redis.says.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        says = f"Redis evicts keys (maxmemory-policy {policy}): positions and state would be lost without a word."
        return bad(says, "Set maxmemory-policy to noeviction; the worker does not start before.")
    return ok("Redis evicts nothing.")


def append_only(facts: Facts) -> Finding | None:
    """Whether Redis writes what it is given to disk."""
    if not isinstance(facts.redis, Condition):
        return None
    says = facts.redis.says
    if not says.get("aof_enabled", 1):
        fix = "Set appendonly to yes (and appendfsync to everysec); the worker does not start before."
        return bad("Redis keeps no append-only file: a restart would throw days of state away.", fix)
    if says.get("aof_last_write_status", "ok") != "ok":
        return bad("Redis could not write its append-only file.", "Look at its disk and its log.")
    return ok("Redis keeps an append-only file.")


def version(facts: Facts) -> Finding | None:
    """Whether Redis is one that this was tried with."""
    if not isinstance(facts.redis, Condition):
        return None
    told = str(facts.redis.says.get("valkey_version") or facts.redis.says.get("redis_version", ""))
    numbers = tuple(int(part) for part in told.split(".")[:2] if part.isdigit())
    if numbers and numbers < OLDEST:
        return warn(f"Redis {told} is older than what this is tried with.", "Use Redis 7 or Valkey.")
    return ok(f"version {told or 'unknown'}.")


def memory(facts: Facts) -> Finding | None:
    """How near Redis is to its limit: when it is full, it takes no events' effects any more."""
    if not isinstance(facts.redis, Condition):
        return None
    used, limit = int(facts.redis.says.get("used_memory", 0)), int(facts.redis.says.get("maxmemory", 0))
    if not limit:
        return ok(f"Redis uses {used / 2**20:.0f} MiB, and has no limit of its own.")
    share = f"Redis uses {used / 2**20:.0f} of {limit / 2**20:.0f} MiB"
    if used > FULL * limit:
        return bad(f"{share}: it will refuse writes, and the workers will wait.", "Raise maxmemory.")
    if used > NEARLY_FULL * limit:
        return warn(f"{share}.", "Raise maxmemory before it is full.")
    return ok(f"{share}.")


def clock(facts: Facts) -> Finding | None:
    """Whether Redis's machine and this one agree on the time."""
    if not isinstance(facts.redis, Condition):
        return None
    apart = abs(facts.redis.clock_ms - facts.now_ms)
    if apart > SKEW_MS:
        says = f"Redis's clock and this machine's are {apart / 1000:.1f} s apart: what expires, expires at other times."
        return warn(says, "Let NTP set both.")
    return ok("Redis's clock agrees with this machine's.")
