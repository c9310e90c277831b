"""The book as a whole: first passage, wrong-way risk, concentration."""
