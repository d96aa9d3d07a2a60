"""Asking the chain about a bundle or a disclosure: whom it takes for auditors, and what stands there."""

from collections.abc import Callable
from functools import partial

from app.chain import ChainDesk
from app.usecases.verify_bundle import REVOKED, SUPERSEDED, ChainLookup, OnChain, Step, TrustedAuditors, signers_of, verify_bundle
from app.usecases.verify_disclosure import Brought, KnownStatement, verify_disclosure
from domain.bundle import Signed, bundle_from_bytes
from domain.disclosure import disclosure_from_bytes, is_disclosure
from domain.errors import CanonicalError, LedgerError, ProofError
from scoring.factors.factor_set import FactorSet


def verify_with_chain(
    data: bytes,
    *,
    factor_set: FactorSet,
    chain: ChainDesk | None,
    known_of: Callable[[str], KnownStatement | None] = lambda _: None,
) -> tuple[Step, ...]:
    """Every step of a bundle or a disclosure, with the auditors and roots of a chain where there is one.

    Args:
        data: The file's bytes.
        factor_set: The verifier's own factor set.
        chain: The chain at hand; None without one.
        known_of: Gives the statement with a manifest hash, where the verifier knows it.

    Returns:
        The steps in order.
    """
    lookup = None if chain is None else lookup_of(chain)
    if is_disclosure(data):
        trusted = None if chain is None else trusted_by(data, chain)
        return verify_disclosure(data, Brought(trusted, lookup, known_by(data, known_of)))
    trust_of = None if chain is None else partial(signers_known_to, chain)
    return verify_bundle(data, factor_set=factor_set, trusted=trust_of, chain=lookup)


def known_by(data: bytes, known_of: Callable[[str], KnownStatement | None]) -> KnownStatement | None:
    """The statement that a disclosure is of, where the verifier knows it.

    Args:
        data: The disclosure's bytes.
        known_of: Gives the statement with a manifest hash.

    Returns:
        The statement; None where the bytes cannot be read.
    """
    try:
        return known_of(disclosure_from_bytes(data).manifest_hash_hex)
    except CanonicalError:  # the first step says why
        return None


def trusted_by(data: bytes, chain: ChainDesk) -> TrustedAuditors | None:
    """The signers of a file, as the chain knows them; None for one of another chain, without signers, or unreadable."""
    try:
        signed: Signed | None = disclosure_from_bytes(data).signed if is_disclosure(data) else bundle_from_bytes(data)
    except CanonicalError:
        return None
    return None if signed is None else signers_known_to(chain, signed)


def signers_known_to(chain: ChainDesk, signed: Signed) -> TrustedAuditors | None:
    """The signers of a bundle or of the signed part of a disclosure, as the chain knows them; None for one of another chain.

    A file that names another chain counts where its root stands on this one too and its signers are auditors here: then it moved.
    Signers of another chain whom this one does not know are neither right nor wrong. The signers are recovered before the chain
    is asked, and only they are asked for: whom a bundle names costs nothing.
    """
    is_of_this = (signed.chain.chain_id, signed.chain.contract.lower()) == (chain.chain_id, chain.contract.lower())
    if not is_of_this and not _stands_here(signed, chain):
        return None
    try:
        signers = set(signers_of(signed))
    except (LedgerError, ProofError):  # the step of the signatures says which is none
        signers = set()
    regions = chain.regions_of(sorted(signers))
    if not is_of_this and not all(regions.values()):
        return None
    return TrustedAuditors("the chain", regions, chain.quorum())


def lookup_of(chain: ChainDesk) -> ChainLookup:
    """How to ask a chain about a batch root and a token."""
    return lambda root, token_id: on_chain(chain, root, token_id)


def on_chain(chain: ChainDesk, root: bytes, token_id: int) -> OnChain:
    """What a chain says about a batch root and a token."""
    found = chain.standing(root, token_id)
    return OnChain(
        label=chain.label,
        chain_id=chain.chain_id,
        contract=chain.contract,
        is_anchored=found.is_anchored,
        token_root=found.token_root,
        is_final=found.is_final,
        ended={2: SUPERSEDED, 3: REVOKED}.get(chain.ended_status(root, token_id), ""),
    )


def _stands_here(signed: Signed, chain: ChainDesk) -> bool:
    found = chain.standing(signed.envelope.root, int(signed.chain.token_id_hex, 16))
    return found.is_anchored or found.token_root == signed.envelope.root
