"""Organizations: the customers that sign up for services."""

from enum import StrEnum

from tortoise import fields

from models.rows import Row


class ProductRelease(StrEnum):
    """The ERP release that an organization runs."""

    AX_2012 = "AX_2012"
    AX_2012_FEATURE_PACK = "AX_2012_FEATURE_PACK"
    AX_2012_R2 = "AX_2012_R2"
    AX_2012_R3 = "AX_2012_R3"


class Organization(Row):
    """A customer. Country or region is fixed at sign-up (rule 8)."""

    name = fields.CharField(max_length=200)
    country_or_region = fields.CharField(max_length=2, description="ISO 3166-1 alpha-2")
    product_release = fields.CharEnumField(ProductRelease, max_length=32)
    administration_epoch = fields.BigIntField(
        default=0,
        description="Grows with every change of users or roles: the row its writers line up on",
    )
    created_at = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "organizations"
