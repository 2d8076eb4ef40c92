/* SPDX-License-Identifier: MIT */
/*
 * Seeds for a fuzz target: the hex column of spec/vectors/wire.txt, each as a file in the first
 * corpus directory of the command line. Without a directory, or run in another place, it starts
 * from nothing.
 */
#ifndef HAWSER_FUZZ_SEEDS_H
#define HAWSER_FUZZ_SEEDS_H

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SEED_VECTORS /* another file, and the bars before its hex */
#define SEED_VECTORS "spec/vectors/wire.txt"
#define SEED_BARS 2
#endif
#define SEED_SIZE 8192u

/* Converts up to the next column; the first `skip` bytes are left out. */
static size_t seed_bytes(const char *hex, size_t skip, unsigned char *out)
{
    size_t size = 0;
    for (; *hex && *hex != '|' && size < SEED_SIZE; hex++) {
        if (isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1])) {
            const char pair[3] = { hex[0], hex[1], 0 };
            out[size++] = (unsigned char)strtoul(pair, NULL, 16);
            hex++;
        }
    }
    if (size <= skip) {
        return 0;
    }
    memmove(out, out + skip, size - skip);
    return size - skip;
}

static void seed_write(const char *directory, unsigned number, const unsigned char *bytes,
                       size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/vector-%03u", directory, number);
    FILE *file = fopen(path, "wb");
    if (file) {
        fwrite(bytes, 1, size, file);
        fclose(file);
    }
}

static void seed_corpus(int argc, char **argv, size_t skip)
{
    static char line[4 * SEED_SIZE];
    static unsigned char bytes[SEED_SIZE];
    int i = 1;
    while (i < argc && argv[i][0] == '-') {
        i++;
    }
    FILE *vectors = i < argc ? fopen(SEED_VECTORS, "r") : NULL;
    for (unsigned number = 0; vectors && fgets(line, sizeof line, vectors); number++) {
        char *hex = line[0] == '#' ? NULL : line;
        for (int bar = 0; hex && bar < SEED_BARS; bar++) {
            hex = strchr(hex + 1, '|');
        }
        size_t size = hex ? seed_bytes(hex + 1, skip, bytes) : 0;
        if (size) {
            seed_write(argv[i], number, bytes, size);
        }
    }
    if (vectors) {
        fclose(vectors);
    }
}

#endif
