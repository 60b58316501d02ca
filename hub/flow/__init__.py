"""The life of one event, one module a step: receive · poll · parse · map · resolve · upsert ·
deliver · retry · replay · reconcile. `drain` runs parse to upsert for a batch."""
