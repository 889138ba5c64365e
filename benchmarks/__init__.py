"""What the instrument itself costs and how well it reads; see docs/benchmarks.md."""
