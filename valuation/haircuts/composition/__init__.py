"""The parts of a haircut and their composition."""
