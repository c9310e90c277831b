"""What every command shares: the client, CSV rows, formatting, paging."""
