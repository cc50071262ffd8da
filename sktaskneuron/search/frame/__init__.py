"""What every search of a neuron's formula shares: terms, their fit, their price, the choice."""
