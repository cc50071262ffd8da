"""Networks for the Hamiltonian of a system."""
