#!/bin/sh
# need.sh PACKAGE PROGRAM…: a program of the system that tests or benchmarks use, by any of its
# names. Root has it installed; without it they fail, or say what they do instead.
package=$1
shift
for name in "$@"; do
  command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get -qq update && apt-get -qq install -y --no-install-recommends "$package" >/dev/null && exit 0
fi
echo "$package не найден: apt install $package · no $package found, install it" >&2
exit 0
