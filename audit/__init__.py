"""The ledger: one finished row for every act, written in the act's own transaction and never changed."""
