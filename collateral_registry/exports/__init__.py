"""Files of reports for people and programs: CSV, Parquet, Excel and PDF."""
