"""What is allowed: rules over positions and proposed trades. Pure: no store, no clock."""
