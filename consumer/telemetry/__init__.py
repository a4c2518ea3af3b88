"""What the service tells about itself: events, metrics, logs and traces; the only place that knows OpenTelemetry."""
