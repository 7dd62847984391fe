"""Plan and records as arms, metrics and numbers, and the words for them. Never imports torch."""
