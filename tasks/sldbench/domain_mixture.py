"""Losses on five domains, by their shares of the training mixture; each model size is a group."""

from tasks.published import published_scores
from tasks.spec import Column, TaskSpec

DOMAINS = range(1, 6)

SPEC = TaskSpec(
    name="domain_mixture",
    title="Data mixture: five losses by the shares of five domains",
    features=tuple(
        Column(f"proportion_domain_{i}", "1", f"share of domain {i} in the training mixture") for i in DOMAINS
    ),
    targets=tuple(Column(f"loss_domain_{i}", "nats per token", f"loss on domain {i}") for i in DOMAINS),
    constants_budget=35,
    split_rule="held-out: the six mixtures per model size that the source lists as its evaluation set",
    aliases=("domain_mixture_scaling_law",),
    official_name="domain_mixture_scaling_law",
    paired=tuple(f"proportion_domain_{i}" for i in DOMAINS),
    paper="Ye et al. 2024, Data Mixing Laws, arXiv 2403.16952",
    published=published_scores("domain_mixture"),
)
