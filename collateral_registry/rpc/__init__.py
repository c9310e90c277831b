"""The gRPC face: translate, call one command, translate back."""
