"""What the library costs and what it gives, measured."""
