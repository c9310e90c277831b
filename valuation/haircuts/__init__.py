"""The parts of a haircut, their composition, and the supervisory formulas beside them."""
