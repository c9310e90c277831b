"""Parts shared by all commands: client, columns of files, formatting and paging."""
