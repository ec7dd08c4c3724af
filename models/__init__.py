"""Tables, and what is true of one row. Imports no other floor of the house."""
