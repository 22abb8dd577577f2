/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_UTIL_H
#define WARREN_CLI_UTIL_H

#include <stddef.h>
#include <stdint.h>

/* As in the kernel, for those who come from there. */
#define __packed __attribute__((__packed__))
#define __printf(fmt, args) __attribute__((__format__(printf, fmt, args)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define WR_KIB ((uint64_t)1 << 10)
#define WR_MIB ((uint64_t)1 << 20)
#define WR_GIB ((uint64_t)1 << 30)

/**
 * wr_error() - say on stderr what failed, as one line "warren: ..."
 * @fmt: printf format without the trailing newline
 *
 * Return: always -1, so that a caller can end with `return wr_error(...)`.
 */
int wr_error(const char *fmt, ...) __printf(1, 2);

/**
 * wr_hint() - say on stderr what to do next; follows a wr_error()
 * @fmt: printf format without the trailing newline
 */
void wr_hint(const char *fmt, ...) __printf(1, 2);

/**
 * wr_parse_size() - read a size in bytes with an optional suffix K, M, G or T
 * @text: decimal number, optional suffix (either case), nothing else
 * @size: result in bytes
 *
 * Return: 0, or -EINVAL for what is no size, or -ERANGE for what exceeds 64 bits.
 */
int wr_parse_size(const char *text, uint64_t *size);

/**
 * wr_parse_count() - read a decimal number within bounds
 * @text: decimal digits, nothing else
 * @min: smallest value allowed
 * @max: largest value allowed
 * @value: result
 *
 * Return: 0, or -EINVAL for what is no number, or -ERANGE for what is out of bounds.
 */
int wr_parse_count(const char *text, unsigned long min, unsigned long max, unsigned long *value);

/**
 * wr_read_full() - read exactly @len bytes at @offset, over short reads and signals
 * @fd: seekable file
 * @buf: destination
 * @len: bytes
 * @offset: place in the file
 *
 * Return: 0, or -1 with errno (ENODATA where the file is shorter).
 */
int wr_read_full(int fd, void *buf, size_t len, uint64_t offset);

#endif
