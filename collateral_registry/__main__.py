"""``python -m collateral_registry`` is the ``collateral`` command."""

from collateral_registry.cli.main import main

if __name__ == "__main__":
    main()
