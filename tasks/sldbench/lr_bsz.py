"""Loss by learning rate, batch size, data and model size; the largest model with the most data is held out."""

from tasks.published import published_scores
from tasks.spec import Column, TaskSpec

SPEC = TaskSpec(
    name="lr_bsz",
    title="Learning rate and batch size: loss by both, data and model size",
    features=(
        Column("lr", "1", "peak learning rate"),
        Column("bsz", "sequences", "batch size, in sequences of 2048 tokens"),
        Column("data_size", "tokens", "training tokens"),
        Column("non_embedding_param_size", "parameters", "parameters outside the embeddings"),
    ),
    targets=(Column("lm_loss", "nats per token", "smoothed training loss"),),
    constants_budget=None,
    extrapolate=("data_size", "non_embedding_param_size"),
    corner=True,
    falls_with=("data_size",),
    split_rule="held-out: the largest model, 1.0737e9 parameters, with the most data, 1e11 tokens",
    aliases=("lr_bsz_scaling_law",),
    official_name="lr_bsz_scaling_law",
    paper="Li et al. 2025, Predictable Scale, Part I: Step Law, arXiv 2503.04715",
    published=published_scores("lr_bsz"),
)
