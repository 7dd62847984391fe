"""Sources of images: each gives uint8 tensors and labels."""
