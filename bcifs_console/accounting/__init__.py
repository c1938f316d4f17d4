"""The accounting rules: from an order, its customer, rules and ledger to the IFS documents that should exist.

Pure and exact: no I/O, no clock, no float, and nothing raises for a business reason. `plan.plan` is the entrance.
"""
