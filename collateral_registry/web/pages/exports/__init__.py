"""The reports that the pages and the command line export, from the messages of the service."""
