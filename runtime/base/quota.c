/* SPDX-License-Identifier: MIT */
#include "base/quota.h"

bool hwsi_quota_take(struct hwsi_quota *quota, uint64_t now, uint64_t most, uint64_t *untold)
{
    uint64_t second = now / HWS_SECOND;
    *untold = 0;
    if (second != quota->second) {
        *untold = quota->refused;
        *quota = (struct hwsi_quota){ .second = second };
    }
    if (quota->taken >= most) {
        quota->refused++;
        return false;
    }
    quota->taken++;
    return true;
}
