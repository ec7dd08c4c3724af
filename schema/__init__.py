"""The graph: types, inputs and payloads. Translates, decides nothing; one call down per field."""
