"""The catalogue: services, their roles, and where and for whom they are available."""

from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.organizations import Organization
from models.rows import Row


class Service(Row):
    """An online service of the catalogue."""

    code = fields.CharField(max_length=64, unique=True)
    name = fields.CharField(max_length=120, unique=True)
    description = fields.TextField()
    position = fields.IntField(description="Order in the catalogue file")
    releases = fields.JSONField[list[str]](description="Product releases it is available on")
    countries_or_regions = fields.JSONField[list[str] | None](
        null=True, description="ISO 3166-1 alpha-2 codes, null for everywhere"
    )

    class Meta:
        """Table."""

        table = "services"


class Role(Row):
    """A role of a service, and it authorizes actions (rule 2)."""

    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "models.Service", related_name="roles", on_delete=fields.RESTRICT
    )
    service_id: UUID
    code = fields.CharField(max_length=64)
    name = fields.CharField(max_length=120)
    description = fields.TextField()
    position = fields.IntField(description="Order within the service")
    is_service_administrator = fields.BooleanField()
    actions = fields.JSONField[list[str]](description="For example catalog:publish")

    class Meta:
        """Table."""

        table = "roles"


class CatalogueVersion(Row):
    """One row, counted up by each change of the catalogue, so that processes refresh theirs."""

    version = fields.BigIntField()
    applied_at = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "catalogue_versions"


class SubscriptionStatus(StrEnum):
    """Whether an organization's subscription is in use (rule 14)."""

    ACTIVE = "ACTIVE"
    DEACTIVATED = "DEACTIVATED"


class ServiceSubscription(Row):
    """An organization's use of a service."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name="subscriptions", on_delete=fields.RESTRICT
    )
    organization_id: UUID
    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "models.Service", related_name="subscriptions", on_delete=fields.RESTRICT
    )
    service_id: UUID
    status = fields.CharEnumField(SubscriptionStatus, max_length=16)
    signed_up_at = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "service_subscriptions"
