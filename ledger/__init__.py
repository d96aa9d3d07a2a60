"""Manifest roots, proofs and the chain that publishes them."""
