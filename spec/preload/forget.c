/* SPDX-License-Identifier: MIT */
/* Preloaded after a sanitizer's library when specs run on stock lua5.4: the interpreter needs that
 * library first, the shells and tools that the specs start do not, and would be checked for leaks. */

#include <stdlib.h>

__attribute__((constructor)) static void forget(void)
{
    unsetenv("LD_PRELOAD");
}
