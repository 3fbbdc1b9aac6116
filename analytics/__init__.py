"""What annotations mean: pure functions from polars frames to frames and frozen results.

Nothing here knows a store, a clock or a screen. Options are keyword-only, seeds are explicit, and a figure that
cannot be had is an `Estimate` that says why.
"""
