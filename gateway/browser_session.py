"""What a mutation may do to the browser that sent it."""

from dataclasses import dataclass, field

from gateway.oidc import Provider


@dataclass(slots=True)
class BrowserSession:
    """What signing out does to the browser that asks."""

    provider: Provider
    forgotten: bool = field(default=False, init=False)
    urls: dict[str, str | None] = field(default_factory=dict, init=False)

    async def end_session_url(self, account: str) -> str | None:
        """Where to send the browser to end the provider's session; None if nowhere."""
        if account not in self.urls:
            self.urls[account] = await self.provider.end_session_url(account)
        return self.urls[account]

    def forget_session(self) -> None:
        """Drop the session cookie with this answer."""
        self.forgotten = True
