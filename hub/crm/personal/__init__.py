"""One person's data (152-ФЗ): found, taken away, erased with proof.

`person` who it is and what is theirs · `needles` how a text is searched for them · `collect` what
the hub holds of them · `bundle` all of it as a ZIP · `request` the wish to be erased · `records`,
`events`, `sweep` its steps · `erase` the job that walks them · `proof` what it leaves behind.
"""
