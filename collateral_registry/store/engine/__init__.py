"""The database engine: connections, transactions, bulk columns, migrations."""
