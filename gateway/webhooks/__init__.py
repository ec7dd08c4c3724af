"""Webhooks: what a receiver is told, the way to it, and the deliveries."""
