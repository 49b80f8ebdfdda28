"""Forecasts of many time series at once, each a token: scales, attention over series, windows, errors, plain forecasts.

Series are `(..., times, variates)`, of one unit each. Everything follows a renumbering of the variates, and nothing
depends on how many there are.
"""
