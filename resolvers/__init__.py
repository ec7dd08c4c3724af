"""Rules and use cases: who may do what, in which transaction. Knows neither GraphQL nor HTTP."""
