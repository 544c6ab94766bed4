"""The compiler: from a fitted model to what a board runs, a room a step."""
