"""barlow: experiments that test claims about self-supervised learning of images."""

__version__ = "0.1.0"
