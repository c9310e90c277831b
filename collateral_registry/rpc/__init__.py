"""The gRPC layer: servicers that read a request, call one command and convert its result."""
