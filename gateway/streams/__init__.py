"""Subscriptions: changes, as they happen, to whoever follows them.

Read in this order; each module rests only on those before it:

- `stream`: one subscription: what waits to be told, and why it ends.
- `exchange`: where announcements come in, and go out to the streams they are for.
- `listening`: how announcements come from PostgreSQL.
- `subscribing`: from an operation to the answers that its stream gives.
- `server_sent`: streams as server-sent events.
- `socket`: streams over a WebSocket.
"""
