"""What a terminal shows: rich renderables made from values. No store, no clock, no printing."""
