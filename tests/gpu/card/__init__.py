"""A fake CUDA card: torch, Inductor and Triton run for real on it, and nothing is computed.

source/card.h says what of it is real. It proves how a step is taken (captured, compiled, its kernels counted), what a
capture forbids, what becomes of memory and of errors. It says nothing of numbers or of speed.
"""
