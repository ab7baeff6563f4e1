"""How it did and how risky: pure functions over arrays; no clock, no chance, no files.

returns, risk, downside, ratios and benchmark are measures of one shape: an array [day] or [day, asset] goes
in, the day axis drops out; `observations` holds the rules they share. history and asset_360 put the measures
together over windows, categories name the results, and quality screens the prices before any of it.
"""
