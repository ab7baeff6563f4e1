"""How it did and how risky: pure functions over arrays; no clock, no chance, no files.

returns, risk, drawdown, downside, distribution, ratios and benchmark are measures of one shape: an array [day] or
[day, asset] goes in, the day axis drops out; `observations` holds the rules they share, and rolling takes any of them
over windows. attribution, linking and factor_attribution say where a return came from, portfolio_risk where a risk
does. history and asset_360 put the measures together over windows, categories name the results, and quality screens
the prices before any of it.

valuation makes values and flows of groups [day, group] out of postings and a price_table; time_weighted, money_weighted
and modified_dietz make returns of them, performance puts those together.
"""
