"""Loss after fine-tuning, by the number of examples; each pair of model and data set is a group."""

from tasks.published import published_scores
from tasks.spec import Column, TaskSpec

SPEC = TaskSpec(
    name="sft",
    title="Fine-tuning: loss by number of examples",
    features=(Column("sft_data_size", "examples", "fine-tuning examples"),),
    targets=(Column("sft_loss", "nats per token", "loss after fine-tuning"),),
    constants_budget=4,
    extrapolate=("sft_data_size",),
    falls_with=("sft_data_size",),
    split_rule="held-out: 819200 examples, one row a group",
    aliases=("sft_scaling_law",),
    official_name="sft_scaling_law",
    paper="Lin et al. 2024, Selecting Large Language Model to Fine-tune via Rectified Scaling Law, arXiv 2402.02314",
    published=published_scores("sft"),
)
