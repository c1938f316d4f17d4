"""BCIFS Console: keeps a BigCommerce store and IFS Cloud in step, one way."""

__version__ = "0.1.0"
