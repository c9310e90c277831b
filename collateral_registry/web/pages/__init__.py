"""Pages for risk teams: views of the book in two languages, as a client of the gRPC server."""
