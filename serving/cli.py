"""The command line: the composition root of every process."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from serving.console.accounts import BadAccounts, path_of
from serving.console.command import app as accounts
from serving.console.command import first_account
from stream.cluster import BrokerAway, Cluster, WrongTopic
from stream.embedded.broker import BrokerBroken
from stream.embedded.redis import RedisBroken
from stream.keyring import NoKeys
from stream.lag import Row, lag, progress_of
from stream.learner import LearnerFold, Working, kept_versions, rollback_record, version_key
from stream.learners import names
from stream.logs import configure
from stream.producer import NotAcknowledged, Producer
from stream.published import ModelRefusedError, Sealed, unseal
from stream.rebuild import CannotRebuild, Report, rebuild
from stream.replay import BadFile, Replayed, replay
from stream.roster import AGENTS, fold_of
from stream.settings import Settings, settings
from stream.shard import Halt
from stream.state.keys import Keys, Tag
from stream.state.redis import RedisStore
from stream.state.store import Unavailable
from stream.supervisor import HALTED, Part, Supervisor
from stream.topics import TOPICS, partition_of

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, add_completion=False, help="The shelf that rearranges itself while you look.")
models = typer.Typer(no_args_is_help=True, help="The online models: what they are worth, and the way back.")
app.add_typer(models, name="models")
app.add_typer(accounts, name="accounts")
out, err = Console(), Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="one JSON document instead of the screen")]
SPEED_MAX = "max"


def _fail(message: object, code: int = 1) -> NoReturn:
    err.print(f"[bold red]✗[/] {message}", highlight=False)
    raise typer.Exit(code)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; what a user can mend becomes one sentence."""
    try:
        return asyncio.run(work)
    except (BrokerAway, WrongTopic, BrokerBroken, RedisBroken, NoKeys, NotAcknowledged, Unavailable) as error:
        _fail(error)
    except (BadFile, CannotRebuild, Halt) as error:
        _fail(error)


def _connected() -> Settings:
    conf = settings()
    if not conf.broker_url or not conf.redis_url:
        _fail("set LIVESHELF_BROKER_URL and LIVESHELF_REDIS_URL (`liveshelf up` prints them when it is ready)")
    return conf


@contextmanager
def _store(conf: Settings) -> Iterator[RedisStore]:
    yield RedisStore(conf.redis_url, Keys(conf.key_prefix))


@app.command()
def up(
    demo: Annotated[bool, typer.Option("--demo", help="a made catalogue and simulated shoppers")] = False,
    broker: Annotated[str, typer.Option(help="Kafka bootstrap servers; none: an embedded broker")] = "",
    redis: Annotated[str, typer.Option(help="Redis URL; none: an embedded Redis")] = "",
    port: Annotated[int, typer.Option(help="port of the API on 127.0.0.1")] = 8080,
    as_json: Json = False,
) -> None:
    """Run the whole system; whatever URL is missing is started embedded. Ctrl-C stops all it started."""
    conf = settings()
    conf = conf.model_copy(update={"broker_url": broker or conf.broker_url, "redis_url": redis or conf.redis_url})
    configure(conf.log_level)
    raise typer.Exit(_run(_up(conf, demo=demo, port=port, as_json=as_json)))


async def _up(conf: Settings, *, demo: bool, port: int, as_json: bool) -> int:
    from serving.up import NotReady, system  # noqa: PLC0415  # the other commands need none of it

    stopped = _stop_signal()
    try:
        async with _until(stopped, system(conf, host="127.0.0.1", port=port, demo=demo)) as started:
            if started is None:
                return 0
            found, supervisor = started
            if as_json:
                print(json.dumps(found.as_json()), flush=True)
            else:
                _screen(found, _first_account(conf))
            await asyncio.wait(
                (asyncio.ensure_future(stopped.wait()), supervisor.halted), return_when="FIRST_COMPLETED"
            )
            if supervisor.halted.done():
                err.print(f"the {supervisor.halted.result()} halted; {found.log} says why and what to do")
                return HALTED
            if not as_json:
                out.print("\nstopping…")
    except NotReady as error:
        err.print(f"[bold red]✗[/] {error}", highlight=False)
        return 1
    return 0


def _screen(found: Any, console_notes: list[str]) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2))
    shop = f"{found.api}/"
    for name, value in (
        ("shop", f"[link={shop}]{shop}[/link]"),
        ("console", f"{found.api}/console"),
        ("API", f"{found.api}/openapi.json"),
        ("broker", found.broker + (" (embedded)" if "broker" in found.embedded else "")),
        ("Redis", found.redis + (" (embedded)" if "redis" in found.embedded else "")),
        ("publishable key", found.publishable_key),
        ("secret key", found.secret_key),
        ("log", str(found.log)),
    ):
        table.add_row(f"[bold]{name}[/]", value)
    out.print("\n[bold green]liveshelf is up[/]\n")
    out.print(table, highlight=False)
    for note in [*found.notes, *console_notes]:
        out.print(f"  • {note}", highlight=False)
    out.print("\nCtrl-C stops everything.")


def _first_account(conf: Settings) -> list[str]:
    """Make the console's first account where there is none; its password is said now and kept nowhere."""
    try:
        made = first_account(path_of(conf))
    except BadAccounts as error:
        return [str(error)]
    if made is None:
        return []
    return [
        f"the console's first account is {made[0]}, password [bold]{made[1]}[/], which is shown only now",
        "another account: liveshelf accounts add NAME --role owner",
    ]


def _stop_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped


class _until:  # noqa: N801  # used like a function
    """Enter a context unless the stop signal comes first (then it is left at once and None is given)."""

    def __init__(self, stopped: asyncio.Event, context: Any) -> None:
        self._stopped, self._context = stopped, context
        self._entered = False

    async def __aenter__(self) -> Any:
        entering = asyncio.ensure_future(self._context.__aenter__())
        waiting = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait((entering, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not entering.done():
            entering.cancel()
            await asyncio.gather(entering, return_exceptions=True)
            return None
        found = entering.result()
        self._entered = True
        return found

    async def __aexit__(self, *error: object) -> None:
        if self._entered:
            await self._context.__aexit__(*error)


@app.command()
def worker(
    agents: Annotated[str, typer.Option(help=f"comma-separated: {', '.join(AGENTS)}")] = ",".join(AGENTS),
) -> None:
    """Run the stream agents, restarted when they end or stop moving."""
    conf = _connected()
    configure(conf.log_level)
    unknown = set(agents.split(",")) - AGENTS.keys()
    if unknown:
        _fail(f"no agent is called {', '.join(sorted(unknown))}; there are {', '.join(AGENTS)}")
    raise typer.Exit(_run(_worker(conf, agents)))


async def _worker(conf: Settings, agents: str) -> int:
    stopped = _stop_signal()
    with _store(conf) as store:
        progress = progress_of(Cluster(conf), store, lambda: time.time() * 1000)
        supervisor = Supervisor()
        argv = [sys.executable, "-m", "stream.app"]
        member = f"{socket.gethostname()}-{os.getpid()}"
        supervisor.run(Part("worker", argv, {"LIVESHELF_AGENTS": agents, "LIVESHELF_MEMBER": member}, progress))
        await asyncio.wait((asyncio.ensure_future(stopped.wait()), supervisor.halted), return_when="FIRST_COMPLETED")
        await supervisor.stop()
        await store.close()
    return HALTED if supervisor.halted.done() else 0


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 8080,
) -> None:
    """Run the HTTP API."""
    from serving.app import application, check_keys  # noqa: PLC0415  # the other commands need none of it
    from serving.server import run  # noqa: PLC0415

    conf = _connected()
    configure(conf.log_level)
    try:
        check_keys(conf, host)
    except NoKeys as error:
        _fail(error)
    raise typer.Exit(run(application(host), conf, host, port))


@app.command(name="replay")
def replay_(
    file: Annotated[Path, typer.Argument(help="events, one JSON object a line, .jsonl or .jsonl.gz")],
    speed: Annotated[str, typer.Option(help="a factor on the history's own pace, or max")] = SPEED_MAX,
    shift_to_now: Annotated[
        bool, typer.Option("--shift-to-now", help="end the history now, under event ids of this run")
    ] = False,
    as_json: Json = False,
) -> None:
    """Send a history of events into Kafka."""
    factor = _speed(speed)
    done = _run(_replay(_connected(), file, factor, shift=shift_to_now, quiet=as_json))
    if as_json:
        print(json.dumps(msgspec.to_builtins(done)))
        return
    out.print(f"{done.sent} of {done.lines} events sent")
    for line, reason, detail in done.examples:
        out.print(f"  line {line}: [bold]{reason}[/] {detail}", highlight=False)
    if done.rejected:
        _fail(f"{sum(done.rejected.values())} lines were not events: {done.rejected}")


def _speed(text: str) -> float | None:
    if text == SPEED_MAX:
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if factor <= 0:
        _fail(f"--speed is a number above 0 (1 = as it was, 60 = an hour a minute) or max, not {text!r}", 2)
    return factor


async def _replay(conf: Settings, file: Path, speed: float | None, *, shift: bool, quiet: bool) -> Replayed:
    partitions = Cluster(conf).partitions()
    producer = Producer.of(conf)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=err, disable=quiet) as bar:
            task = bar.add_task("events", total=None)
            return await replay(
                file,
                producer,
                partitions["events"],
                now_ms=int(time.time() * 1000),
                speed=speed,
                prefix=f"{secrets.token_hex(3)}-" if shift else "",
                shift=shift,
                on_progress=lambda done: bar.update(task, completed=done.lines),
            )
    finally:
        producer.close()


@app.command(name="evaluate")
def evaluate_(
    file: Annotated[Path, typer.Argument(help="events, one JSON object a line, .jsonl or .jsonl.gz")],
    catalog: Annotated[Path | None, typer.Option(help="catalogue items, .jsonl")] = None,
    last: Annotated[float, typer.Option(min=0.01, max=1.0, help="share of the stream that is reported")] = 0.2,
    no_repeats: Annotated[bool, typer.Option("--no-repeats", help="the session's own items are no candidates")] = False,
    static: Annotated[Path | None, typer.Option(help="learn on FILE, then test on all of this file")] = None,
    learn: Annotated[bool, typer.Option("--learn", help="with --static: go on learning")] = False,
    baselines: Annotated[bool, typer.Option("--baselines", help="also popularity, VS-kNN, … in the same run")] = False,
    as_json: Json = False,
) -> None:
    """Quality of the code that serves, on a history: each event is predicted from what went before, then learnt."""
    from serving.evaluate import evaluate  # noqa: PLC0415  # the other commands need none of it

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, disable=as_json) as bar:
        task = bar.add_task("evaluate", total=1.0)
        try:
            found = evaluate(
                file, catalog=catalog, last=last, no_repeats=no_repeats, static=static, learn=learn,
                baselines=baselines, on_progress=lambda share: bar.update(task, completed=share),
            )  # fmt: skip
        except BadFile as error:
            _fail(error)
    if as_json:
        print(json.dumps(found))
    else:
        out.print_json(data=found)


@app.command(name="lag")
def lag_(
    watch: Annotated[bool, typer.Option("--watch", help="refresh every second until Ctrl-C")] = False,
    as_json: Json = False,
) -> None:
    """How far the agents are behind, per partition."""
    conf = _connected()
    rows = _run(_lag(conf))
    if as_json:
        print(json.dumps([msgspec.to_builtins(row) for row in rows]))
    elif not watch:
        out.print(_lag_table(rows))
    else:
        with Live(_lag_table(rows), console=out) as live:
            try:
                while True:
                    time.sleep(1)
                    live.update(_lag_table(_run(_lag(conf))))
            except KeyboardInterrupt:
                return


async def _lag(conf: Settings) -> list[Row]:
    cluster = Cluster(conf)
    with _store(conf) as store:
        try:
            return await lag(cluster, store, cluster.partitions(), now_ms=time.time() * 1000)
        finally:
            await store.close()


def _lag_table(rows: list[Row]) -> Table:
    table = Table(
        "agent", "partition", "position", "end", "waiting", "seconds", "applied", "duplicates", "dead", "verdict"
    )
    colours = {"ok": "green", "behind": "yellow", "late": "red"}
    for row in rows:
        verdict = f"[{colours[row.verdict]}]{row.verdict}[/]"
        counts = (row.position, row.end, row.records, row.seconds, row.applied, row.duplicates, row.dead)
        table.add_row(row.agent, f"{row.topic}:{row.partition}", *[str(count) for count in counts], verdict)
    return table


@app.command(name="rebuild")
def rebuild_(
    agent: Annotated[str, typer.Option(help=f"one of {', '.join(AGENTS)}; none: all")] = "",
    as_json: Json = False,
) -> None:
    """Fold every agent's log again and compare each key with Redis; nothing is written."""
    if agent and agent not in AGENTS:
        _fail(f"no agent is called {agent!r}; there are {', '.join(AGENTS)}", 2)
    reports = _run(_rebuild(_connected(), [agent] if agent else list(AGENTS), quiet=as_json))
    different = [(report, one) for report in reports for one in report.different]
    if as_json:
        print(json.dumps(_rebuilt(reports)))
    else:
        table = Table("agent", "partition", "records", "compared", "different")
        for report in reports:
            compared = ", ".join(f"{family} {count}" for family, count in report.compared.items())
            table.add_row(
                report.agent, str(report.partition), str(report.records), compared, str(len(report.different))
            )
        out.print(table)
        for report, one in different[:20]:
            out.print(f"  {report.agent}[{report.partition}] {one.key}: stored {one.stored!r}, folded {one.folded!r}")
    if different:
        _fail(f"{len(different)} keys are not what the log gives")


def _rebuilt(reports: list[Report]) -> dict[str, Any]:
    compared: dict[str, int] = {}
    for report in reports:
        for family, count in report.compared.items():
            name = f"{report.agent}.{family}"
            compared[name] = compared.get(name, 0) + count
    different = [f"{r.agent}[{r.partition}] {one.key}" for r in reports for one in r.different]
    return {"records": sum(r.records for r in reports), "compared": compared, "different": different}


async def _rebuild(conf: Settings, agents: list[str], *, quiet: bool) -> list[Report]:
    cluster = Cluster(conf)
    partitions = cluster.partitions()
    places = [(name, p) for name in agents for p in range(partitions[AGENTS[name].topic])]
    logs = cluster.offsets([(AGENTS[name].topic, p) for name, p in places])
    reports = []
    with _store(conf) as store, Progress(console=err, disable=quiet) as bar:
        for name, partition in bar.track(places, description="partitions"):
            topic = AGENTS[name].topic
            reports.append(
                await rebuild(
                    fold_of(name, conf, partitions),
                    partition,
                    store,
                    lambda start, end, topic=topic, partition=partition: cluster.read(topic, partition, start, end),  # type: ignore[misc]
                    partitions,
                    log_start=logs[topic, partition].start,
                )
            )
        await store.close()
    return reports


@models.command("list")
def models_list(as_json: Json = False) -> None:
    """The models' current versions and what they are worth (progressive: tested before learnt)."""
    rows = _run(_models(_connected()))
    if as_json:
        print(json.dumps(rows))
        return
    table = Table("model", "version", "current", "learnt", "AUC", "95 %")
    for row in rows:
        auc = row["metrics"].get("auc")
        low, high = row["metrics"].get("auc_low"), row["metrics"].get("auc_high")
        between = f"{low:.3f}–{high:.3f}" if low is not None and high is not None else "not yet"
        shown = "–" if auc is None else f"{auc:.3f}"
        table.add_row(
            row["model"], str(row["version"]), "●" if row["current"] else "", str(row["learnt"]), shown, between
        )
    out.print(table)


async def _models(conf: Settings) -> list[dict[str, Any]]:
    partitions = Cluster(conf).partitions()["feedback"]
    rows: list[dict[str, Any]] = []
    with _store(conf) as store:
        for model in names():
            tag = Tag(LearnerFold.topic, partition_of(model.encode(), partitions))
            packed = (await store.load(tag, [f"learner:{model}"]))[0]
            if packed is None:
                continue
            working = msgspec.msgpack.decode(packed, type=Working)
            keys = [version_key(model, number) for number in kept_versions(working)]
            for sealed in await store.load(tag, keys):
                if sealed is None:
                    continue
                try:
                    version = unseal(msgspec.msgpack.decode(sealed, type=Sealed))
                except ModelRefusedError as refused:
                    err.print(f"a version of {model} cannot be trusted and is left out: {refused}", highlight=False)
                    continue
                rows.append(
                    {
                        "model": model,
                        "version": version.version,
                        "current": version.version == working.current,
                        "learnt": version.learnt,
                        "metrics": msgspec.to_builtins(version.metrics),
                    }
                )
        await store.close()
    return rows


@models.command("rollback")
def models_rollback(model: str, version: int) -> None:
    """Bring an earlier version of a model back; it goes on learning from there."""
    conf = _connected()
    kept = [row["version"] for row in _run(_models(conf)) if row["model"] == model]
    if version not in kept:
        _fail(f"version {version} of {model!r} is not kept; there are {kept or 'none'}")
    _run(_roll_back(conf, model, version))
    out.print(f"{model}: version {version} is brought back within a second")


async def _roll_back(conf: Settings, model: str, version: int) -> None:
    partitions = Cluster(conf).partitions()["feedback"]
    producer = Producer.of(conf)
    try:
        key = model.encode()
        await producer.send(
            TOPICS["feedback"].name, partition_of(key, partitions), key, rollback_record(model, version)
        )
    finally:
        producer.close()


def main() -> None:
    """The `liveshelf` command."""
    app()


if __name__ == "__main__":
    main()
