#!/bin/sh
# A browser for the tests of the pages. Without one they fail and say what to install.
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium >/dev/null && exit 0
fi
echo "chromium не найден: apt install chromium · no chromium found, install it" >&2
exit 0
