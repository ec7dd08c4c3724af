"""The whole product on one machine: sample organizations, an OpenID provider, a mail catcher."""
