"""The nouns of the product: frozen dataclasses and plain functions on them. No I/O."""
