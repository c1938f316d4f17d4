"""The store: tables, the one writer, the due queue, the ledger, the vault. It hands out domain values only."""
