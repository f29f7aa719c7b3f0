"""The `measure` command: gather the text, train what is still missing, show progress, repeat a row."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from measure.errors import MeasureError, MissingPart
from measure.store import HERE, Store

EPILOG = """examples:
  harness measure status
  harness measure gather
  harness measure run --minutes 30
  harness measure run plane vocab
  harness measure repeat plane-0123456789
  harness measure speed
"""


def default_cache() -> Path:
    """Where text and tokens are kept: MEASURE_CACHE_DIR, or a folder in the user's cache."""
    given = os.environ.get("MEASURE_CACHE_DIR")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(base) / "scaling-law-harness" / "measure"


def parser(kind: type[argparse.ArgumentParser] = argparse.ArgumentParser) -> argparse.ArgumentParser:
    p = kind(
        prog="harness measure",
        description="Train small language models and write down how they scale. Needs pip install "
        "'scaling-law-harness[measure]'.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        "--cache", type=Path, default=None, metavar="DIR", help="text and tokens (default: the user's cache)"
    )
    p.add_argument(
        "--rows",
        type=Path,
        default=HERE,
        metavar="DIR",
        help="runs.csv and curves.csv (default: the package's)",
    )
    sub = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = sub.add_parser(
        "run", help="measure what is still missing, row by row; stop at any time and go on later"
    )
    one.add_argument("parts", nargs="*", metavar="PART", help="experiments, in this order (default: all)")
    one.add_argument(
        "--minutes",
        type=float,
        default=float("inf"),
        metavar="M",
        help="begin no family of runs after so long",
    )
    one = sub.add_parser("status", help="how far each experiment is")
    one = sub.add_parser("gather", help="fetch the text and check it")
    one = sub.add_parser("repeat", help="measure one row again and compare")
    one.add_argument("id", help="of the row, as in runs.csv")
    one = sub.add_parser("speed", help="tokens a second, next to this machine's rate of matrix products")
    one.add_argument("--threads", type=int, default=1, metavar="N", help="threads of the CPU (default: 1)")
    return p


def main(argv: list[str] | None = None, kind: type[argparse.ArgumentParser] = argparse.ArgumentParser) -> int:
    args = parser(kind).parse_args(argv)
    cache = args.cache or default_cache()
    store = Store(args.rows)
    try:
        if args.command == "status":
            return status(store)
        _prepare_jax(cache, getattr(args, "threads", 1))
        if args.command == "gather":
            return gather_text(cache)
        if args.command == "run":
            return measure(store, cache, args.parts, args.minutes)
        if args.command == "repeat":
            from measure.repeat import repeat

            return repeat(store, cache, args.id)
        from measure.speed import speed

        return speed(cache)
    except MeasureError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def status(store: Store) -> int:
    """One line an experiment: rows done and planned, and seconds that they took."""
    from measure.experiments import planned

    rows = store.read()
    found: dict[str, list[str]] = {}
    for part, family in planned():
        found.setdefault(part, []).extend(run.id for run in family)
    width = max(map(len, found))
    for part, ids in found.items():
        done = [rows[i] for i in ids if i in rows]
        seconds = sum(float(r["seconds"]) for r in done)
        print(f"{part:<{width}}  {len(done):>4} of {len(ids):>4} rows  {seconds / 60:7.1f} CPU minutes")
    return 0


def gather_text(cache: Path) -> int:
    from measure.packages import PACKAGES
    from measure.text import gather

    text = gather(cache)
    for p in PACKAGES:
        size = sum(map(len, text.train[p.kind]))
        print(f"{p.kind:<11} {p.name} {p.version}: {size} characters ({p.licence})")
    print(f"text {text.digest}")
    return 0


def measure(store: Store, cache: Path, parts: list[str], minutes: float) -> int:
    """Train every family that has rows missing."""
    from measure.experiments import planned
    from measure.tokens import corpus
    from measure.train import train_family

    begun = time.monotonic()
    with store.alone():
        done = set(store.read())
        for part, family in planned(parts):
            missing = [run for run in family if run.id not in done]
            if not missing:
                continue
            if time.monotonic() - begun > 60 * minutes:
                print(f"stopped after {minutes:g} minutes; the same command goes on", flush=True)
                return 0
            for record in train_family(missing, corpus(missing[0].vocabulary, cache)):
                store.add(record)
                print(
                    f"{time.strftime('%H:%M:%S')} {part} {record['id']} width {record['width']} vocabulary "
                    f"{record['vocabulary']} tokens {record['tokens']} loss {record['loss']:.4f} "
                    f"({record['seconds']:.1f} s)",
                    flush=True,
                )
    return 0


def _prepare_jax(cache: Path, threads: int) -> None:
    """One thread unless asked for more, so that equal runs are equal; compiled code is kept."""
    if threads == 1:
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    try:
        import equinox  # noqa: F401
        import jax
        import optax  # noqa: F401
        import tokenizers  # noqa: F401
    except ImportError as error:
        raise MissingPart(
            f"{error.name} is not installed; pip install 'scaling-law-harness[measure]'"
        ) from error
    jax.config.update("jax_compilation_cache_dir", str(cache / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)


if __name__ == "__main__":
    sys.exit(main())
