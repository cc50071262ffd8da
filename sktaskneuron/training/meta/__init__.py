"""Learning of activation functions, over the training of networks that have them."""
