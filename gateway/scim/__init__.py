"""SCIM 2.0 (RFC 7643 and 7644): users and roles for directories that provision them."""
