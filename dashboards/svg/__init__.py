"""Inline SVG: the first picture of every figure, complete enough to live with.

No style attributes (the page's policy forbids them): colours come from classes, so light, dark, print and forced colours follow
the page. Every text in a picture comes in from the catalogue.
"""
