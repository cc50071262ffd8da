"""Neurons of several types, whose activation functions may be learned."""
