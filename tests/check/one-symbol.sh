#!/bin/sh
# A connector exports its entry and nothing else, but for those made to be broken.  starve.so, which
# fails allocations of tests, is none.
set -eu
found=
# shellcheck disable=SC2044 # the names are ours: no blanks
for so in $(find . -path '*/.libs/*.so' ! -name 'lib*' ! -name 'broken-*' ! -name starve.so)
do
  found=1
  exported=$(nm -D --defined-only "$so" | awk '{ print $3 }')
  [ "$exported" = usher_connector_v1 ] || { echo "$so exports: $exported"; exit 1; }
done
for sym in $(nm -D --defined-only .libs/libusher-sdk.so | awk '$3 !~ /^LIBUSHER_SDK_/ { print $3 }')
do
  case $sym in
    usher_*) ;;
    *) echo "libusher-sdk.so exports $sym"; exit 1;;
  esac
done
[ "$found" ] || { echo "SKIP: no connector is built"; exit 77; }
