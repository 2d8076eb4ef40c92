/* SPDX-License-Identifier: MIT */
/*
 * What libuv's and the kernel's error numbers are called in hawser: a code for programs and a sentence for people that names
 * the address, the cause and, where there is one, what to do. Numbers are libuv's (negative); UV_EOF is a peer's orderly end.
 */
#ifndef HAWSER_TRANSPORT_UVERROR_H
#define HAWSER_TRANSPORT_UVERROR_H

#include <stddef.h>

int hwsi_uverror_code(int error); /* HWS_E...; 0 stays 0 */

/* Each writes its sentence and answers the code. `text` may be NULL when `capacity` is 0. */
int hwsi_uverror_dial(int error, const char *address, char *text, size_t capacity);
int hwsi_uverror_listen(int error, const char *address, char *text, size_t capacity);
int hwsi_uverror_lost(int error, const char *peer, char *text,
                      size_t capacity); /* 0: closed by this side */

#endif
