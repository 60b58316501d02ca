"""Flask and RQ as their tutorials join them: one job per event, forking workers."""
