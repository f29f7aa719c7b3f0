"""Loss by model size and number of parallel streams; the most streams are held out."""

from tasks.published import published_scores
from tasks.spec import Column, TaskSpec

SPEC = TaskSpec(
    name="parallel",
    title="Parallel streams: loss by parameters and streams",
    features=(
        Column("num_params", "parameters", "model parameters"),
        Column("parallel_size", "streams", "forward streams run beside each other"),
    ),
    targets=(Column("loss", "nats per token", "training loss"),),
    constants_budget=4,
    extrapolate=("parallel_size",),
    falls_with=("num_params", "parallel_size"),
    split_rule="held-out: 8 streams",
    aliases=("parallel_scaling_law",),
    official_name="parallel_scaling_law",
    paper="Chen et al. 2025, Parallel Scaling Law for Language Models, arXiv 2505.10475",
    published=published_scores("parallel"),
)
