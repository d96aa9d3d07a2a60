"""Importers: one module per publisher's file, from its bytes to published rows, with every check that the file allows.

They run when the data set is built, never when the product runs.
"""
