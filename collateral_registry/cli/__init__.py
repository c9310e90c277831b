"""The command line: a gRPC client of a running server, and the commands that start one."""
