"""tierline: the nightly credit decision for an online consumer lender, from raw rows to a published night."""
