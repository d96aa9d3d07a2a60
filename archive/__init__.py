"""Originals kept by hash, encrypted with their subject's key."""
