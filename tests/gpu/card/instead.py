"""Other things in the place of a module's or a class's own, in a process that ends soon."""


def put(owner: object, **values: object) -> None:
    """Put each value in the place of what has that name."""
    for name, value in values.items():
        setattr(owner, name, value)
