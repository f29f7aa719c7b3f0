"""Loss as model, vocabulary and text grow; the largest vocabulary is held out."""

from tasks.published import published_scores
from tasks.spec import Column, TaskSpec

SPEC = TaskSpec(
    name="finetune_vocab",
    title="Vocabulary: loss by model, vocabulary and text size",
    features=(
        Column("non_vocab_parameters", "parameters", "parameters outside embedding and output layer"),
        Column("vocab_size", "words", "entries of the tokenizer's vocabulary"),
        Column("num_characters", "characters", "training text"),
    ),
    targets=(Column("unigram_normalized_loss", "nats per token", "loss minus that of a unigram model"),),
    constants_budget=7,
    extrapolate=("vocab_size",),
    falls_with=("non_vocab_parameters", "num_characters"),
    split_rule="held-out: the largest vocabulary, 96256 words",
    aliases=("vocab_scaling_law",),
    official_name="vocab_scaling_law",
    paper="Tao et al. 2024, Scaling Laws with Vocabulary, arXiv 2407.13623",
    published=published_scores("finetune_vocab"),
)
