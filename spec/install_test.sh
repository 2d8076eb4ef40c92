#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs a build into a directory of its own and uses it from there as a host would.
# usage: install_test.sh BUILD COMPILER

set -eu
build=$1
cc=$2
prefix=$build/installed
rm -rf "$prefix"
cmake --install "$build" --prefix "$prefix" >/dev/null
cd "$prefix"

strict="-std=c11 -pedantic -Wall -Wextra -Werror"
for header in include/hawser/*.h; do
    name=${header#include/}
    printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' "$name" "$name" >one.c
    $cc $strict -Iinclude -fsyntax-only one.c || { echo "$name needs another header first"; exit 1; }
done

cat >host.c <<'C'
#include <hawser/error.h>
#include <stdio.h>
int main(void) { return puts(hws_strerror(HWS_EINVAL)) < 0; }
C
library=$(dirname "$(find . -name libhawser.so)")
dependencies=$(pkg-config --print-requires-private "$library/pkgconfig/hawser.pc")
pc="--define-variable=prefix=$prefix $library/pkgconfig/hawser.pc"
$cc $strict $(pkg-config --cflags $pc) host.c -o host $(pkg-config --libs $pc)
LD_LIBRARY_PATH=$library ./host
$cc $strict $(pkg-config --cflags $pc) host.c -o host_static "$library/libhawser.a" \
    $(pkg-config --libs $dependencies)
./host_static

if [ -x bin/hawser ]; then
    unset LUA_PATH LUA_CPATH HAWSER_BUILD HAWSER_BIN || true
    echo 'assert(require("hawser").system); print("installed")' >script.lua
    [ "$(bin/hawser run script.lua)" = installed ]
fi
