# SPDX-License-Identifier: MIT
# Read by ./demo and ./test: installs Debian packages for what is missing. Silent when nothing is.

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# Each line: what it is for, Debian's package, how to see that it is there.
packages() {
    cat <<'TABLE'
run   cmake            command cmake
run   ninja-build      command ninja
run   gcc              command cc
run   libc6-dev        file /usr/include/stdio.h
run   pkg-config       command pkg-config
run   libuv1-dev       library libuv
run   libpcre2-dev     library libpcre2-8
run   libmsgpack-dev   library msgpack msgpack-c msgpackc
run   liblua5.4-dev    library lua5.4 lua-5.4 lua54
run   libedit-dev      library libedit
test  lua5.4           command lua5.4
test  libcmocka-dev    library cmocka
test  lua-busted       command busted
test  lua-check        command luacheck
fuzz  clang            command clang
fuzz  libclang-rt-dev  clang libclang_rt.fuzzer
lint  clang-format     command clang-format
tidy  clang-tidy       command clang-tidy
TABLE
}

present() { # how, names...
    how=$1
    shift
    for name; do
        case $how in
        command) command -v "$name" && return 0 ;;
        file) [ -e "$name" ] && return 0 ;;
        clang) ls "$(clang -print-resource-dir)"/lib/*/"$name"* && return 0 ;;
        library) pkg-config --exists "$name" && return 0 ;;
        esac
    done >/dev/null 2>&1
    return 1
}

missing() { # purposes...
    packages | while read -r purpose package probe; do
        case " $* " in
        *" $purpose "*)
            # shellcheck disable=SC2086
            present $probe || printf '%s ' "$package" ;;
        esac
    done
}

# Installs what the given purposes lack. The package lists are fetched only when they are of no use.
install_missing() { # purposes...
    wanted=$(missing "$@")
    [ -n "$wanted" ] || return 0
    command -v apt-get >/dev/null 2>&1 ||
        die "Missing, and no apt-get to install it (Debian's names): $wanted"
    root=
    if [ "$(id -u)" != 0 ]; then
        root=sudo
        command -v sudo >/dev/null 2>&1 || die "Missing, and neither root nor sudo: $wanted"
    fi
    say "Installing from Debian's packages: $wanted"
    apt_log=$(mktemp)
    apt_install $wanted >"$apt_log" 2>&1 ||
        { $root apt-get -qq update && apt_install $wanted; } >>"$apt_log" 2>&1 ||
        { cat "$apt_log" >&2; rm -f "$apt_log"; die "apt-get could not install: $wanted"; }
    rm -f "$apt_log"
    wanted=$(missing "$@")
    [ -z "$wanted" ] || die "Installed, but still not found: $wanted"
}

apt_install() {
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# Configures and builds a preset; output only when it fails.
build() { # preset, configure arguments...
    preset=$1
    shift
    say "Building build/$preset"
    mkdir -p "build/$preset"
    build_log=build/$preset/build.log
    if ! { cmake --preset "$preset" "$@" && cmake --build --preset "$preset"; } \
        >"$build_log" 2>&1; then
        cat "$build_log" >&2
        say "The build failed: build/$preset" >&2
        return 1
    fi
}
