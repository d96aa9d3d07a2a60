"""Page models: one file per page, plain values in, HTML out.

Every word comes from the catalogue, every address from the caller.
"""
