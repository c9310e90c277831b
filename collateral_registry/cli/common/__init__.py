"""Parts shared by all commands: client, CSV rows, formatting and paging."""
