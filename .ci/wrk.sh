#!/bin/sh
# The load generator of the benchmarks. Without it they use a client of their own, and say so.
command -v wrk >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get -qq update && apt-get -qq install -y --no-install-recommends wrk >/dev/null && exit 0
fi
echo "wrk не найден: apt install wrk · no wrk found, install it" >&2
exit 0
