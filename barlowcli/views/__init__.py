"""Random views of images: augmentation, the shuffle arms, probe domains."""
