"""The sample book: invented firms, loans and assets, real prices of 2020 to 2022. See ATTRIBUTION.md."""
