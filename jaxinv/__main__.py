"""`python -m jaxinv` is the command `jaxinv`."""

from jaxinv.cli import main

if __name__ == "__main__":
    main()
