"""Documents that are trusted: what clients may run by an id, declared by whoever releases them."""

from tortoise import fields

from models.rows import Row

MAX_DOCUMENT_ID_LENGTH = 255


class TrustedDocument(Row):
    """A GraphQL document under the id that its client's tools gave it. An id's text never changes.

    It belongs to the gateway, not to an organization.
    """

    document_id = fields.CharField(max_length=MAX_DOCUMENT_ID_LENGTH)
    text = fields.TextField(description="As its client sends or hashes it, to the letter")
    applied_at = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "trusted_documents"


class DocumentsVersion(Row):
    """One row, counted up by each change of the documents, so that processes read theirs anew."""

    version = fields.BigIntField()
    applied_at = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "documents_versions"
