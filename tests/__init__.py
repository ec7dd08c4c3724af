"""Behaviour through GraphQL and HTTP, as its user meets it; benchmarks in `benchmarks/`."""
