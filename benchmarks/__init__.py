"""Speed against a peer in the same run, as ratios with a median of at least three; never asserted in tests."""
