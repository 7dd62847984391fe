"""Encoders and projectors: from images to representations h, and from these to embeddings z."""
