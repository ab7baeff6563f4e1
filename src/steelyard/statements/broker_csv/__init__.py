"""Broker CSV: one reader for the files of many brokers; how each writes its files is data, a preset."""
