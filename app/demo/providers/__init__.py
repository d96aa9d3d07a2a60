"""Simulators of providers: a utility, a bank and a travel account behind real HTTP and real consent pages, on this machine only.

The demo connects to them as it would to real ones, and tests use the same. Each module's docstring is a tutorial:

- `server`: starts and stops them; `oauth`: the consent that utility and travel account ask for;
- `utility`: Green Button Connect My Data; `bank`: transactions in the shape of Plaid; `travel`: trips as JSON;
- `quirks`: the dials of what goes wrong; `wire`: requests and replies; `pages`: what people see.
"""
