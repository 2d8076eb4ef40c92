/* SPDX-License-Identifier: MIT */
#include "hawser/error.h"

const char *hws_strerror(int error)
{
    switch (error) {
    case 0: return "no error";
#define X(name, number, sentence) \
    case number: return sentence;
        HWS_ERRORS(X)
#undef X
    default: return "unknown error";
    }
}

const char *hws_errname(int error)
{
    switch (error) {
    case 0: return "OK";
#define X(name, number, sentence) \
    case number: return #name;
        HWS_ERRORS(X)
#undef X
    default: return "EUNKNOWN";
    }
}
