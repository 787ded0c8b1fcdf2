"""The pages: each takes a request apart, calls a service, and hands plain values to a template."""
