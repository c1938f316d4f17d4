"""Widgets: they show what they are given and know neither the store nor the operations."""
