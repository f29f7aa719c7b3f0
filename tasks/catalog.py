"""The eight tasks of SLDBench (Lin et al., ICLR 2026, arXiv 2507.21184).

Columns, groups and budgets are the benchmark's; the split rules are those that reproduce its
official rows.
"""

from __future__ import annotations

from tasks.published import published
from tasks.spec import Column, TaskSpec

LOSS = "nats per token"


def _task(name: str, official: str, title: str, **rest: object) -> TaskSpec:
    return TaskSpec(
        name=name, title=title, official_name=official, aliases=(official,), published=published(name), **rest
    )


FINETUNE_VOCAB = _task(
    "finetune_vocab",
    "vocab_scaling_law",
    "loss from model size, vocabulary and characters seen",
    features=(
        Column("non_vocab_parameters", "parameters", "model size without the vocabulary's parameters"),
        Column("vocab_size", "tokens", "number of distinct tokens"),
        Column("num_characters", "characters", "training text seen"),
    ),
    targets=(
        Column(
            "unigram_normalized_loss",
            LOSS,
            "loss relative to a unigram model, so that vocabularies compare; negative",
        ),
    ),
    constants_budget=7,
    extrapolate=("vocab_size",),
    split_rule="held out: the largest vocabulary (96256)",
    paper="Tao et al. 2024, Scaling Laws with Vocabulary, arXiv 2407.13623",
)

SFT = _task(
    "sft",
    "sft_scaling_law",
    "fine-tuning loss from data size, one group a model and data set",
    features=(Column("sft_data_size", "examples", "supervised fine-tuning examples"),),
    targets=(Column("sft_loss", LOSS, "loss after fine-tuning"),),
    constants_budget=4,
    extrapolate=("sft_data_size",),
    split_rule="held out: the largest data size (819200), one row a group",
    paper="Lin et al. 2024, Rectified Scaling Law, arXiv 2402.02314",
)

DOMAIN_MIXTURE = _task(
    "domain_mixture",
    "domain_mixture_scaling_law",
    "losses on five domains from their shares in pre-training data",
    features=tuple(
        Column(f"proportion_domain_{i}", "share", f"share of domain {i} in the training data") for i in range(1, 6)
    ),
    targets=tuple(Column(f"loss_domain_{i}", LOSS, f"validation loss on domain {i}") for i in range(1, 6)),
    constants_budget=35,
    split_rule="held out: the study's own evaluation mixtures, six a model size",
    paper="Ye et al. 2024, Data Mixing Laws, arXiv 2403.16952",
)

MOE = _task(
    "moe",
    "moe_scaling_law",
    "loss of mixture-of-experts models from experts and dense size",
    features=(
        Column("num_experts", "experts", "experts a layer"),
        Column("dense_parameter_count", "parameters", "size of the dense model beneath"),
    ),
    targets=(Column("loss_validation", LOSS, "validation loss at step 249000; the router type is hidden"),),
    constants_budget=6,
    extrapolate=("dense_parameter_count",),
    split_rule="held out: the largest dense size (1.309e9)",
    paper="Clark et al. 2022, Unified Scaling Laws for Routed Language Models, arXiv 2202.01169",
)

DATA_CONSTRAINED = _task(
    "data_constrained",
    "data_constrained_scaling_law",
    "loss when training tokens are repeated",
    features=(
        Column("unique_tokens", "tokens", "distinct training tokens"),
        Column("params", "parameters", "model size"),
        Column("tokens", "tokens", "training tokens, repeats counted"),
    ),
    targets=(Column("loss", LOSS, "validation loss"),),
    constants_budget=7,
    extrapolate=("tokens", "params"),
    split_rule="held out: tokens or parameters at or above the second largest value of each",
    paper="Muennighoff et al. 2023, Scaling Data-Constrained Language Models, arXiv 2305.16264",
)

LR_BSZ = _task(
    "lr_bsz",
    "lr_bsz_scaling_law",
    "loss from learning rate, batch size, data and model size",
    features=(
        Column("lr", "1", "peak learning rate"),
        Column("bsz", "sequences", "batch size"),
        Column("data_size", "tokens", "training tokens"),
        Column("non_embedding_param_size", "parameters", "model size without embeddings"),
    ),
    targets=(Column("lm_loss", LOSS, "language-modelling loss"),),
    constants_budget=None,
    extrapolate=("data_size", "non_embedding_param_size"),
    corner=True,
    split_rule="held out: the largest model (1.0737e9) with the most data (1e11)",
    paper="Li et al. 2025, Step Law, arXiv 2503.04715",
)

PARALLEL = _task(
    "parallel",
    "parallel_scaling_law",
    "loss from model size and parallel streams",
    features=(
        Column("num_params", "parameters", "model size"),
        Column("parallel_size", "streams", "parallel forward passes of one model"),
    ),
    targets=(Column("loss", LOSS, "validation loss"),),
    constants_budget=4,
    extrapolate=("parallel_size",),
    split_rule="held out: eight streams",
    paper="Chen et al. 2025, Parallel Scaling Law, arXiv 2505.10475",
)

U_SHAPE = _task(
    "u_shape",
    "easy_question_scaling_law",
    "score on easy questions, which falls before it rises with compute",
    features=(Column("log_flops", "log10 of 1e21 FLOP", "logarithm of training compute"),),
    targets=(Column("brier_score", "1", "Brier score, negated: higher is better"),),
    constants_budget=6,
    extrapolate=("log_flops",),
    split_rule="held out: compute at or above the group's emergence threshold",
    paper="Wu and Lo 2024, U-shaped and Inverted-U Scaling, arXiv 2410.01692",
    lower_is_better=False,
)

SPECS: tuple[TaskSpec, ...] = (
    FINETUNE_VOCAB,
    SFT,
    DOMAIN_MIXTURE,
    MOE,
    DATA_CONSTRAINED,
    LR_BSZ,
    PARALLEL,
    U_SHAPE,
)
