"""Read queries behind the API and the pages: keyset-paged, newest first, plain dict rows.

`records` CRM records · `timeline` one contact's history · `events` the inbox and dead letters ·
`ops` deliveries, sync runs, rejections, connections · `people` merges, duplicates, points ·
`reports` numbers, each with the filter that lists its records.
"""
