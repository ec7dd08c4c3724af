"""An executor for graphql-core that prepares once what the stock one works out anew per row.

Read in this order; each module rests only on those before it:

- `classes`: what a value's class tells of it.
- `places`: where in the response we are, kept cheap until somebody needs to know.
- `slots`: putting one value in its place: now, later or as an error.
- `leaves`, `lists`, `objects`: the slots, one class for each kind of type.
- `dialects`: what an executor class may know of its schema library.
- `fields`: one field of a selection set: its resolver, its info, its slot.
- `selections`: one generated function per selection set.
- `plans`: the compiled operations, and when they hold.
- `executor`: the hook into graphql-core, and what is handed back to it.
- `strawberry`: the same for Strawberry, whose plain fields are attributes.

What is compiled follows graphql-core's `Executor` step by step, so that results, errors and the
order of all effects are the same. Whatever is rare is not compiled but handed to graphql-core.
"""
