"""What a book is stored on: who may open its files, one server for each file, and settings that lose no commit."""
