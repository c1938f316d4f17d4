"""The BigCommerce side: API client, wire ⇄ domain, rate budget, webhook signatures and events. No storage, no rules."""
