"""What the README says about speed, measured again: one module per benchmark, run by `climate-fitness bench`."""
