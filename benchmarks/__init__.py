"""What a request, a start and an idle hour of Alice cost: `python -m benchmarks --help`."""
