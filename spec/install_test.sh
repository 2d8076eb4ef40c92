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

# Hidden functions are seen by no test that links libhawser.a.
cat include/hawser/*.h | sed -n 's/^HWS_API [^(]*[ *]\(hws_[a-z0-9_]*\)(.*/\1/p' | sort >declared
nm -D --defined-only lib*/libhawser.so lib/*/libhawser.so 2>/dev/null | sed 's/.* //' | sort >shown
[ -s declared ]
hidden=$(comm -23 declared shown)
[ -z "$hidden" ] || { echo "libhawser.so does not show: $hidden"; exit 1; }

cat >host.c <<'C'
#include <hawser/error.h>
#include <stdio.h>
int main(void) { return puts(hws_strerror(HWS_EINVAL)) < 0; }
C
library=$(dirname "$(find . -name libhawser.so)")
dependencies=$(pkg-config --print-requires-private "$library/pkgconfig/hawser.pc")
export PKG_CONFIG_PATH="$prefix/${library#./}/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
$cc $strict $(pkg-config --cflags hawser) host.c -o host $(pkg-config --libs hawser)
LD_LIBRARY_PATH=$library ./host
$cc $strict $(pkg-config --cflags hawser) host.c -o host_static "$library/libhawser.a" \
    $(pkg-config --libs $dependencies)
./host_static

if [ -x bin/hawser ]; then
    unset LUA_PATH LUA_CPATH HAWSER_BUILD HAWSER_BIN || true
    echo 'assert(require("hawser").system); print("installed")' >script.lua
    [ "$(bin/hawser run script.lua)" = installed ]
    [ "$(echo 'cluster(2, { time = "virtual" }).size' | bin/hawser repl)" = 2 ]
    echo 'return { name = "mine" }' >mine.lua
    bin/hawser policy check mine.lua >checked
    grep -q mine checked
    echo 'require("hawser.world").try({ seed = 1 }, function(world)
        world:system { name = "alpha" }
        world:run(1)
        print(world:now())
    end)' >world.lua
    [ "$(bin/hawser run world.lua)" = 1.0 ]

    cat >lua_host.c <<'C'
#include <lauxlib.h>
#include <lualib.h>

#include <hawser_lua.h>
int main(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    hwl_preload(L);
    int failed = luaL_dostring(L, "assert(require('hawser.core').version)");
    lua_close(L);
    return failed;
}
C
    for lua in lua5.4 lua-5.4 lua54; do
        if pkg-config --exists $lua; then break; fi
    done
    $cc $strict $(pkg-config --cflags hawser $lua) lua_host.c -o lua_host \
        -L"$library" -lhawser_lua $(pkg-config --libs hawser libuv $lua)
    LD_LIBRARY_PATH=$library ./lua_host
fi
