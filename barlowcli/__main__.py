"""`barlow`, which is also `python -m barlowcli`."""

import sys


def main() -> None:
    """Run the command line. While it is imported, Ctrl-C ends the process as every other signal does: without words."""
    if sys.path and not sys.flags.safe_path:  # a `random.py` in the working directory is not Python's own
        sys.path.append(sys.path.pop(0))
    import signal

    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else it is ignored
    if heard:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from barlowcli.cli.main import main as command_line

    if heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command_line()


if __name__ == "__main__":
    main()
