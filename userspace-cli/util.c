// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

static void say(const char *fmt, va_list args)
{
	char line[1024];

	/* One write per message: lines of several threads or processes do not mix. */
	vsnprintf(line, sizeof(line), fmt, args);
	fprintf(stderr, "warren: %s\n", line);
}

int wr_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	return -1;
}

void wr_hint(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

static int suffix_shift(const char *text)
{
	static const char suffixes[] = "kmgt";
	const char *at;

	if (!*text)
		return 0;
	at = strchr(suffixes, tolower((unsigned char)*text));
	if (!at || text[1])
		return -EINVAL;
	return 10 * (int)(at - suffixes + 1);
}

int wr_parse_size(const char *text, uint64_t *size)
{
	unsigned long long number;
	char *end;
	int shift;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	shift = suffix_shift(end);
	if (shift < 0)
		return shift;
	if (number > UINT64_MAX >> shift)
		return -ERANGE;
	*size = (uint64_t)number << shift;
	return 0;
}

int wr_parse_count(const char *text, unsigned long min, unsigned long max, unsigned long *value)
{
	unsigned long number;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno || number < min || number > max)
		return -ERANGE;
	*value = number;
	return 0;
}

int wr_read_full(int fd, void *buf, size_t len, uint64_t offset)
{
	uint8_t *at = buf;

	while (len) {
		ssize_t n = pread(fd, at, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0) {
			errno = ENODATA;
			return -1;
		}
		at += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}
