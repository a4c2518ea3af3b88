"""What `make bench` runs: what tapestore costs, beside a naive consumer and the database's own ceiling."""
