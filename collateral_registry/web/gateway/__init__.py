"""HTTP/JSON from the descriptors of the contract: one route a unary method, and the OpenAPI document."""
