"""Score on easy questions, by compute, before and after its turn; each benchmark is a group.

The Brier score is stored negated: higher is better.
"""

from tasks.published import published_scores
from tasks.spec import Column, TaskSpec

SPEC = TaskSpec(
    name="u_shape",
    title="U-shaped scaling: Brier score on easy questions by compute",
    features=(Column("log_flops", "log10 of 1e21 FLOPs", "training compute"),),
    targets=(Column("brier_score", "1", "Brier score, negated: higher is better"),),
    constants_budget=6,
    extrapolate=("log_flops",),
    split_rule="held-out: compute at or beyond a threshold per benchmark (log_flops from 1.0 to 2.3)",
    aliases=("easy_question_scaling_law",),
    official_name="easy_question_scaling_law",
    paper="Wu and Lo 2024, U-shaped and Inverted-U Scaling behind Emergent Abilities, arXiv 2410.01692",
    published=published_scores("u_shape"),
    lower_is_better=False,
)
