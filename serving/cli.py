"""The command line: the composition root of every process, one line a command."""

from __future__ import annotations

import typer

from serving.commands import (
    config,
    dead_letters,
    doctor,
    evaluate,
    explain,
    import_,
    lag,
    migrate,
    models,
    prices,
    rebuild,
    replay,
    serve,
    slots,
    up,
    worker,
)
from serving.console.command import app as accounts

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The shelf that rearranges itself while you look.")
app.command("up")(up.up)
app.command("worker")(worker.worker)
app.command("serve")(serve.serve)
app.command("import")(import_.import_)
app.command("replay")(replay.replay_)
app.command("evaluate")(evaluate.evaluate_)
app.command("explain")(explain.explain)
app.command("prices")(prices.prices_)
app.command("lag")(lag.lag_)
app.command("rebuild")(rebuild.rebuild_)
app.command("migrate")(migrate.migrate_)
app.command("doctor")(doctor.doctor)
app.command("config")(config.config)
app.command("slots")(slots.slots)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(models.app, name="models")
app.add_typer(accounts, name="accounts")


def main() -> None:
    """The `liveshelf` command."""
    app()


if __name__ == "__main__":
    main()
