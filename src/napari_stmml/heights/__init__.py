"""Heights to heights: flatten, repair, resample, and take the lattice and the ground apart."""
