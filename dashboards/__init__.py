"""Figures and pages, drawn from values."""
