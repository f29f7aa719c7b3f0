"""The eight tasks of SLDBench (Lin et al., arXiv 2507.21184), one file each."""

from tasks.sldbench import (
    data_constrained,
    domain_mixture,
    finetune_vocab,
    lr_bsz,
    moe,
    parallel,
    sft,
    u_shape,
)
from tasks.spec import TaskSpec

SPECS: tuple[TaskSpec, ...] = tuple(
    module.SPEC
    for module in (finetune_vocab, sft, domain_mixture, moe, data_constrained, lr_bsz, parallel, u_shape)
)
"""In the order that lists show them."""
