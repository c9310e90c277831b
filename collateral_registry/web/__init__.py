"""The service over HTTP: the gateway that translates JSON calls to gRPC, and the server that runs it."""
