"""Loss of models with routed experts, by experts and dense size; the largest dense size is held out.

Three kinds of router share each pair of features and are no feature: no law can exceed R2 = 0.9192 on the
held-out rows (noise ceiling).
"""

from tasks.published import published_scores
from tasks.spec import Column, TaskSpec

SPEC = TaskSpec(
    name="moe",
    title="Mixture of experts: loss by experts and dense parameters",
    features=(
        Column("num_experts", "experts", "experts of a routed layer"),
        Column("dense_parameter_count", "parameters", "parameters of the dense model of the same width"),
    ),
    targets=(Column("loss_validation", "nats per token", "validation loss"),),
    constants_budget=6,
    extrapolate=("dense_parameter_count",),
    falls_with=("dense_parameter_count", "num_experts"),
    split_rule="held-out: the largest dense model, 1.309e9 parameters",
    aliases=("moe_scaling_law",),
    official_name="moe_scaling_law",
    paper="Clark et al. 2022, Unified Scaling Laws for Routed Language Models, arXiv 2202.01169",
    published=published_scores("moe"),
)
