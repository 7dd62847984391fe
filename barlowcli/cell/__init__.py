"""One cell from images to record: the only place where the stages meet."""
