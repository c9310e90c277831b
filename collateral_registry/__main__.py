"""Runs the ``collateral`` command for ``python -m collateral_registry``."""

from collateral_registry.cli.main import main

if __name__ == "__main__":
    main()
