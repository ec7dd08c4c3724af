"""Answers kept for who asks again, because the first one did not arrive."""

from tortoise import fields

from models.rows import Row


class KeptAnswer(Row):
    """What was answered to a request that carried a key of the caller's choice.

    It belongs to a caller, not to an organization: one request may touch several.
    """

    key_hash = fields.CharField(max_length=64, description="SHA-256 of caller and key, hexadecimal")
    request_hash = fields.CharField(max_length=64, description="SHA-256 of the request's body")
    answer = fields.BinaryField(description="Encrypted: it may hold names, or a new access token")
    created_at = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "kept_answers"
