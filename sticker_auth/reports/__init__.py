"""Reports: what a partner's keys, users and endpoints did, counted by day or by key, for partners and for staff alike."""
