"""`python -m barlowcli` is `barlow`."""

from barlowcli.cli.main import main

if __name__ == "__main__":
    main()
