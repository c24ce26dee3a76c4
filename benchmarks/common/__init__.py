"""What benchmarks share: data, nets, noise, clocks, records."""
