"""What `make bench-peers` runs: the systems that users would pick instead, beside tapestore, on the same servers."""
