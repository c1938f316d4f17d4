"""Engines that say when to look for due orders. The store says which ones; an engine is only a doorbell."""
