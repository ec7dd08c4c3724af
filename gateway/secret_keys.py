"""What `GATEWAY_SECRET_KEY` encrypts, and how the key is changed without losing any of it."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from gateway.settings import Settings

ENCRYPTION = {"alg": "dir", "enc": "A256GCM"}


class Sealer:
    """Encrypts and authenticates for one purpose (RFC 7516, RFC 5869); purposes share no key.

    The first secret key encrypts. What any of them encrypted can be opened, so that replicas which
    learn of a new key one after the other can read each other's.
    """

    def __init__(self, settings: Settings, *, purpose: str) -> None:
        if settings.secret_key is None:
            message = "a Provider checks that every setting for sign-in is there"
            raise TypeError(message)
        secrets = [settings.secret_key.get_secret_value(), *settings.further_keys()]
        self._keys = [_derived(secret, purpose) for secret in secrets]

    def sealed(self, content: bytes) -> str:
        """The content, readable for us alone; fit for a cookie."""
        return jwe.encrypt_compact(ENCRYPTION, content, self._keys[0])

    def opened(self, sealed: str | bytes) -> bytes | None:
        """The content; None if none of our keys made this."""
        data = sealed.encode() if isinstance(sealed, str) else sealed
        for key in self._keys:
            try:
                found = jwe.decrypt_compact(data, key, algorithms=list(ENCRYPTION.values()))
            except (JoseError, ValueError):
                continue
            return found.plaintext or b""
        return None


def _derived(secret: str, purpose: str) -> OctKey:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
    return OctKey.import_key(derivation.derive(secret.encode()))
