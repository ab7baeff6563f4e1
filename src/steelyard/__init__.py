"""Steelyard: the open platform for portfolio management and rebalancing."""
