"""Simulators of single providers whose API is their own: they answer as the documented API does, over real HTTP on 127.0.0.1.

They are `Simulator`s of `app.demo.providers.wire`, started by `app.demo.providers.server.DemoProviders`, with its dials
(`app.demo.providers.quirks`) and a few of their own. Each module's docstring is a tutorial:

- `octopus`: half-hourly readings behind an API key;
- `smartcar`: odometers and charging sessions behind OAuth 2, in the shapes of versions 2 and 3;
- `travel_impact`: what a passenger of a flight causes, as Google's model says it, behind an API key.
"""
