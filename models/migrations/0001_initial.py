from tortoise import migrations
from tortoise.migrations import operations as ops
import datetime
from models.audit import AuditAction, AuditOutcome
from models.invitations import DeliveryStatus, InvitationStatus
from models.organizations import ProductRelease
from models.rows import new_id
from models.services import SubscriptionStatus
from models.users import UserStatus
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from uuid import uuid4
from tortoise import fields

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='Account',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('issuer', fields.CharField(max_length=255)),
                ('subject', fields.CharField(max_length=255)),
                ('microsoft_account', fields.CharField(max_length=320)),
                ('microsoft_account_key', fields.CharField(max_length=320)),
                ('display_name', fields.CharField(null=True, max_length=200)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('last_sign_in_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'accounts', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A person at the identity provider, known by issuer and subject alone (rule 32).'},
            bases=['Row'],
        ),
        ops.CreateModel(
            name='AuditChain',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True, description="The organization's id, or zeros")),
                ('sequence', fields.BigIntField(description="The last event's, or 0 before the first")),
                ('hash', fields.CharField(description="The last event's", max_length=64)),
            ],
            options={'table': 'audit_chains', 'app': 'models', 'pk_attr': 'id', 'table_description': "The end of an organization's chain of events. Whoever appends to the chain locks this row."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='CatalogueVersion',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('version', fields.BigIntField()),
                ('applied_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'catalogue_versions', 'app': 'models', 'pk_attr': 'id', 'table_description': 'One row, counted up by each change of the catalogue, so that processes refresh theirs.'},
            bases=['Row'],
        ),
        ops.CreateModel(
            name='Organization',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('name', fields.CharField(max_length=200)),
                ('country_or_region', fields.CharField(description='ISO 3166-1 alpha-2', max_length=2)),
                ('product_release', fields.CharEnumField(description='AX_2012: AX_2012\nAX_2012_FEATURE_PACK: AX_2012_FEATURE_PACK\nAX_2012_R2: AX_2012_R2\nAX_2012_R3: AX_2012_R3', enum_type=ProductRelease, max_length=32)),
                ('administration_epoch', fields.BigIntField(default=0, description='Grows with every change of users or roles: the row its writers line up on')),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'organizations', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A customer. Country or region is fixed at sign-up (rule 8).'},
            bases=['Row'],
        ),
        ops.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('organization', fields.ForeignKeyField('models.Organization', source_field='organization_id', null=True, db_constraint=True, to_field='id', related_name='audit_events', on_delete=OnDelete.RESTRICT)),
                ('sequence', fields.BigIntField(description='1, 2, 3 … within the organization')),
                ('previous_hash', fields.CharField(description='The hash of the event before it, empty for the first', max_length=64)),
                ('hash', fields.CharField(description='Of all else in this row: `event_hash`', max_length=64)),
                ('action', fields.CharEnumField(description='SERVICE_SIGNED_UP: SERVICE_SIGNED_UP\nSERVICE_ACTIVATED: SERVICE_ACTIVATED\nSERVICE_DEACTIVATED: SERVICE_DEACTIVATED\nUSER_CREATED: USER_CREATED\nUSER_EDITED: USER_EDITED\nUSER_REMOVED: USER_REMOVED\nINVITATION_SENT: INVITATION_SENT\nINVITATION_REVOKED: INVITATION_REVOKED\nACCOUNT_ASSOCIATED: ACCOUNT_ASSOCIATED\nASSOCIATION_REFUSED: ASSOCIATION_REFUSED\nSIGNED_IN: SIGNED_IN\nSIGNED_OUT: SIGNED_OUT\nACCESS_TOKEN_CREATED: ACCESS_TOKEN_CREATED\nACCESS_TOKEN_REVOKED: ACCESS_TOKEN_REVOKED', enum_type=AuditAction, max_length=32)),
                ('outcome', fields.CharEnumField(description='SUCCEEDED: SUCCEEDED\nDENIED: DENIED', enum_type=AuditOutcome, max_length=16)),
                ('account_id', fields.UUIDField(null=True)),
                ('actor_id', fields.UUIDField(null=True, description="The actor's profile in the organization")),
                ('actor_name', fields.CharField(max_length=320)),
                ('subject_type', fields.CharField(null=True, max_length=32)),
                ('subject_id', fields.UUIDField(null=True)),
                ('subject_name', fields.CharField(max_length=400)),
                ('service_id', fields.UUIDField(null=True)),
                ('changes', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('request_id', fields.CharField(max_length=64)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'audit_events', 'app': 'models', 'pk_attr': 'id', 'table_description': 'One event. Actor and subject are copied, not referenced: an event outlives both.'},
            bases=['Row'],
        ),
        ops.CreateModel(
            name='Service',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('code', fields.CharField(unique=True, max_length=64)),
                ('name', fields.CharField(unique=True, max_length=120)),
                ('description', fields.TextField(unique=False)),
                ('position', fields.IntField(description='Order in the catalogue file')),
                ('releases', fields.JSONField(description='Product releases it is available on', encoder=JSON_DUMPS, decoder=loads)),
                ('countries_or_regions', fields.JSONField(null=True, description='ISO 3166-1 alpha-2 codes, null for everywhere', encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'services', 'app': 'models', 'pk_attr': 'id', 'table_description': 'An online service of the catalogue.'},
            bases=['Row'],
        ),
        ops.CreateModel(
            name='Role',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('service', fields.ForeignKeyField('models.Service', source_field='service_id', db_constraint=True, to_field='id', related_name='roles', on_delete=OnDelete.RESTRICT)),
                ('code', fields.CharField(max_length=64)),
                ('name', fields.CharField(max_length=120)),
                ('description', fields.TextField(unique=False)),
                ('position', fields.IntField(description='Order within the service')),
                ('is_service_administrator', fields.BooleanField()),
                ('actions', fields.JSONField(description='For example catalog:publish', encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'roles', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A role of a service, and it authorizes actions (rule 2).'},
            bases=['Row'],
        ),
        ops.CreateModel(
            name='ServiceSubscription',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('organization', fields.ForeignKeyField('models.Organization', source_field='organization_id', db_constraint=True, to_field='id', related_name='subscriptions', on_delete=OnDelete.RESTRICT)),
                ('service', fields.ForeignKeyField('models.Service', source_field='service_id', db_constraint=True, to_field='id', related_name='subscriptions', on_delete=OnDelete.RESTRICT)),
                ('status', fields.CharEnumField(description='ACTIVE: ACTIVE\nDEACTIVATED: DEACTIVATED', enum_type=SubscriptionStatus, max_length=16)),
                ('signed_up_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'service_subscriptions', 'app': 'models', 'pk_attr': 'id', 'table_description': "An organization's use of a service."},
            bases=['Row'],
        ),
        ops.CreateModel(
            name='Session',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('account', fields.ForeignKeyField('models.Account', source_field='account_id', db_constraint=True, to_field='id', related_name='sessions', on_delete=OnDelete.CASCADE)),
                ('token_hash', fields.CharField(description='SHA-256 of the cookie, hexadecimal', max_length=64)),
                ('client', fields.CharField(null=True, description='The browser, in plain words', max_length=200)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('last_seen_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'sessions', 'app': 'models', 'pk_attr': 'id', 'table_description': "A browser's sign-in. Ending it deletes the row, and the cookie is stored hashed only."},
            bases=['Row'],
        ),
        ops.CreateModel(
            name='User',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('organization', fields.ForeignKeyField('models.Organization', source_field='organization_id', db_constraint=True, to_field='id', related_name='users', on_delete=OnDelete.RESTRICT)),
                ('version', fields.IntField(default=1)),
                ('first_name', fields.CharField(max_length=100)),
                ('last_name', fields.CharField(max_length=100)),
                ('sort_name', fields.CharField(description='Last and first name, folded', max_length=700)),
                ('microsoft_account', fields.CharField(description='As typed', max_length=320)),
                ('microsoft_account_key', fields.CharField(description='Normalised, compared', max_length=320)),
                ('primary_email_address', fields.CharField(description='As typed', max_length=320)),
                ('primary_email_address_key', fields.CharField(description='Normalised', max_length=320)),
                ('status', fields.CharEnumField(default=UserStatus.NOT_INVITED, description='NOT_INVITED: NOT_INVITED\nINVITED: INVITED\nASSOCIATED: ASSOCIATED', enum_type=UserStatus, max_length=16)),
                ('account', fields.ForeignKeyField('models.Account', source_field='account_id', null=True, db_constraint=True, to_field='id', related_name='users', on_delete=OnDelete.RESTRICT)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('last_sign_in_at', fields.DatetimeField(default=datetime.datetime.fromisoformat('1970-01-01T00:00:00+00:00'), auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'users', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A profile. The Microsoft account never changes (rule 33), and its key is unique (rule 20).'},
            bases=['Row'],
        ),
        ops.CreateModel(
            name='Invitation',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('organization', fields.ForeignKeyField('models.Organization', source_field='organization_id', db_constraint=True, to_field='id', related_name='invitations', on_delete=OnDelete.RESTRICT)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='invitations', on_delete=OnDelete.CASCADE)),
                ('status', fields.CharEnumField(description='PENDING: PENDING\nACCEPTED: ACCEPTED\nEXPIRED: EXPIRED\nREVOKED: REVOKED\nSUPERSEDED: SUPERSEDED', enum_type=InvitationStatus, max_length=16)),
                ('token_hash', fields.CharField(description='SHA-256 of the token, hexadecimal', max_length=64)),
                ('sent_to', fields.CharField(max_length=320)),
                ('sent_by', fields.ForeignKeyField('models.User', source_field='sent_by_id', null=True, db_constraint=True, to_field='id', related_name='sent_invitations', on_delete=OnDelete.SET_NULL)),
                ('send_count', fields.IntField(default=1)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('last_sent_at', fields.DatetimeField(null=True, description='When a mail server last took it', auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('accepted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('delivery', fields.CharEnumField(default=DeliveryStatus.QUEUED, description='QUEUED: QUEUED\nSENT: SENT\nFAILED: FAILED', enum_type=DeliveryStatus, max_length=8)),
                ('delivery_detail', fields.CharField(null=True, max_length=500)),
            ],
            options={'table': 'invitations', 'app': 'models', 'pk_attr': 'id', 'table_description': 'An e-mailed request to associate a Microsoft account. Its token is stored hashed only.'},
            bases=['Row'],
        ),
        ops.CreateModel(
            name='OutgoingMail',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('organization', fields.ForeignKeyField('models.Organization', source_field='organization_id', db_constraint=True, to_field='id', related_name='outgoing_mails', on_delete=OnDelete.RESTRICT)),
                ('invitation', fields.ForeignKeyField('models.Invitation', source_field='invitation_id', db_constraint=True, to_field='id', related_name='mails', on_delete=OnDelete.CASCADE)),
                ('status', fields.CharEnumField(default=DeliveryStatus.QUEUED, description='QUEUED: QUEUED\nSENT: SENT\nFAILED: FAILED', enum_type=DeliveryStatus, max_length=8)),
                ('recipient_name', fields.CharField(max_length=201)),
                ('recipient_address', fields.CharField(max_length=320)),
                ('content', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('token', fields.CharField(null=True, description='For the link, emptied at the end', max_length=64)),
                ('attempts', fields.IntField(default=0)),
                ('next_attempt_at', fields.DatetimeField(description='While claimed: the end of the claim', auto_now=False, auto_now_add=False)),
                ('give_up_at', fields.DatetimeField(description="The link's own end", auto_now=False, auto_now_add=False)),
                ('failure', fields.CharField(null=True, max_length=500)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('sent_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'outgoing_mails', 'app': 'models', 'pk_attr': 'id', 'table_description': "An invitation's mail, committed with it, that waits for delivery (an outbox)."},
            bases=['Row'],
        ),
        ops.CreateModel(
            name='RoleAssignment',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('organization', fields.ForeignKeyField('models.Organization', source_field='organization_id', db_constraint=True, to_field='id', related_name='role_assignments', on_delete=OnDelete.RESTRICT)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='role_assignments', on_delete=OnDelete.CASCADE)),
                ('service', fields.ForeignKeyField('models.Service', source_field='service_id', db_constraint=True, to_field='id', related_name='role_assignments', on_delete=OnDelete.RESTRICT)),
                ('role', fields.ForeignKeyField('models.Role', source_field='role_id', db_constraint=True, to_field='id', related_name='role_assignments', on_delete=OnDelete.RESTRICT)),
                ('granted_by', fields.ForeignKeyField('models.User', source_field='granted_by_id', null=True, db_constraint=True, to_field='id', related_name='granted_assignments', on_delete=OnDelete.SET_NULL)),
                ('granted_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'role_assignments', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A role that a user holds: who granted it, and when.'},
            bases=['Row'],
        ),
        ops.CreateModel(
            name='UserWord',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('organization', fields.ForeignKeyField('models.Organization', source_field='organization_id', db_constraint=True, to_field='id', related_name='user_words', on_delete=OnDelete.RESTRICT)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='words', on_delete=OnDelete.CASCADE)),
                ('word', fields.CharField(max_length=400)),
            ],
            options={'table': 'user_words', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A word that a search for this user may begin with, and one prefix range finds it.'},
            bases=['Row'],
        ),
    ]
