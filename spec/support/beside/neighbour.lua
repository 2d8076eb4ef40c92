-- SPDX-License-Identifier: MIT
return "beside"
