"""The demo: seeded data, and simulators of providers that tests use too."""
