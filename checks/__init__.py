"""What a healthy testnet promises, one promise a function, and the invariants that judge a timeline."""
