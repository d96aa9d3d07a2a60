"""Asking the chain about a bundle: whom it takes for auditors, and what stands there."""

from app.chain import ChainDesk
from app.usecases.verify_bundle import OnChain, Step, TrustedAuditors, signers_of, verify_bundle
from domain.bundle import bundle_from_bytes
from domain.errors import CanonicalError, LedgerError, ProofError
from scoring.factors.factor_set import FactorSet


def verify_with_chain(data: bytes, *, factor_set: FactorSet, chain: ChainDesk | None) -> tuple[Step, ...]:
    """Every step of a bundle, with the auditors and roots of a chain where there is one.

    Args:
        data: The bundle's bytes.
        factor_set: The verifier's own factor set.
        chain: The chain at hand; None without one.

    Returns:
        The steps in order.
    """
    if chain is None:
        return verify_bundle(data, factor_set=factor_set)
    return verify_bundle(
        data, factor_set=factor_set, trusted=trusted_by(data, chain), chain=lambda root, token: on_chain(chain, root, token)
    )


def trusted_by(data: bytes, chain: ChainDesk) -> TrustedAuditors | None:
    """The signers of a bundle, as the chain knows them; None for a bundle of another chain, or an unreadable one.

    The signers are recovered before the chain is asked, and only they are asked for: whom a bundle names costs nothing.
    """
    try:
        bundle = bundle_from_bytes(data)
    except CanonicalError:
        return None
    if (bundle.chain.chain_id, bundle.chain.contract.lower()) != (chain.chain_id, chain.contract.lower()):
        return None
    try:
        signers = set(signers_of(bundle))
    except (LedgerError, ProofError):  # the step of the signatures says which is none
        signers = set()
    return TrustedAuditors("the chain", chain.regions_of(sorted(signers)), chain.quorum())


def on_chain(chain: ChainDesk, root: bytes, token_id: int) -> OnChain:
    """What a chain says about a batch root and a token."""
    found = chain.standing(root, token_id)
    return OnChain(
        label=chain.label,
        chain_id=chain.chain_id,
        contract=chain.contract,
        is_anchored=found.is_anchored,
        token_root=found.token_root,
        is_final=True,
    )
