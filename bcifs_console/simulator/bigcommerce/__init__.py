"""The fake BigCommerce store: orders with coherent money, v2 and v3 routes, webhooks with the real retry ladder."""
