"""Loss when training text is repeated; the largest models and the longest trainings are held out."""

from tasks.published import published_scores
from tasks.spec import Column, TaskSpec

SPEC = TaskSpec(
    name="data_constrained",
    title="Repeated data: loss by unique tokens, parameters and tokens",
    features=(
        Column("unique_tokens", "tokens", "distinct training tokens"),
        Column("params", "parameters", "model parameters"),
        Column("tokens", "tokens", "training tokens, repetitions included"),
    ),
    targets=(Column("loss", "nats per token", "validation loss"),),
    constants_budget=7,
    extrapolate=("tokens", "params"),
    falls_with=("unique_tokens",),
    split_rule="held-out: tokens >= 6e11 or params >= 4.2465e9, the two largest values of each",
    aliases=("data_constrained_scaling_law",),
    official_name="data_constrained_scaling_law",
    paper="Muennighoff et al. 2023, Scaling Data-Constrained Language Models, arXiv 2305.16264",
    published=published_scores("data_constrained"),
)
