"""Claims of papers, each re-run small by one command: `jaxinv claims run NAME`.

Every experiment states the measured numbers, checks what the paper says against them, and derives its verdict from the
checks: reproduced, partly, not reproduced.
"""

from jaxinv.claims import (
    apen,
    eqmotion,
    frame_averaging,
    gaunt_tensor_product,
    group_convolutions,
    invariance_constrained_augmentation,
    invariance_in_transfer,
    itransformer,
    lie_group_decompositions,
    locality_weight_sharing,
    neural_subset_selection,
    ood_il,
    osborn,
    ped,
    ponita,
    relative_representations,
    shda_ktf,
    sie,
    soft_equivariance,
    spen,
    subequivariant_set,
    tinvnn,
    tmi,
    transferability_anchors,
    w2pgnn,
)
from jaxinv.claims.claim import Check, Claim, ClaimResult, Progress, Row
from jaxinv.ranking.errors import InputError

CLAIMS: dict[str, Claim] = {
    claim.name: claim
    for claim in (
        apen.CLAIM,
        eqmotion.CLAIM,
        frame_averaging.CLAIM,
        gaunt_tensor_product.CLAIM,
        group_convolutions.CLAIM,
        invariance_constrained_augmentation.CLAIM,
        invariance_in_transfer.CLAIM,
        itransformer.CLAIM,
        lie_group_decompositions.CLAIM,
        locality_weight_sharing.CLAIM,
        neural_subset_selection.CLAIM,
        osborn.CLAIM,
        ood_il.CLAIM,
        ped.CLAIM,
        ponita.CLAIM,
        relative_representations.CLAIM,
        shda_ktf.CLAIM,
        sie.CLAIM,
        soft_equivariance.CLAIM,
        spen.CLAIM,
        subequivariant_set.CLAIM,
        tinvnn.CLAIM,
        tmi.CLAIM,
        transferability_anchors.CLAIM,
        w2pgnn.CLAIM,
    )
}


def run_claim(name: str, *, seeds: int = 3, progress: Progress | None = None, quick: bool = False) -> ClaimResult:
    """Runs one claim of `CLAIMS`; see `Claim.run`.

    Raises:
      InputError: (a ValueError) if there is no such claim; the message lists them.
    """
    if name not in CLAIMS:
        raise InputError(f"there is no claim {name!r}; the claims are: {', '.join(CLAIMS)}")
    return CLAIMS[name].run(seeds=seeds, progress=progress, quick=quick)


__all__ = ["CLAIMS", "Check", "Claim", "ClaimResult", "Progress", "Row", "run_claim"]
