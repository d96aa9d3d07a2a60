"""Product footprints of suppliers as PACT's data exchange has them: read and checked, exactly."""
