"""Assets, an asset, price series, and the prices of one."""
