"""The methods that `heights.flatten` chains: each is one function from heights to heights."""
