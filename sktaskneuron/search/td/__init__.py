"""Search by tensor decomposition (NeuronSeek, arXiv 2506.15715)."""
