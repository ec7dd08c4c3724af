"""The composition root: HTTP, sign-in, settings, execution, mail delivery, portal, commands."""
