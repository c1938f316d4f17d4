"""The fake IFS Cloud: token endpoint, OData projections with `$metadata`, customer orders, customers, vouchers."""
