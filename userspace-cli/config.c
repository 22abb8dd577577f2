// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration files. The library splits lines into names and values; the reader below feeds it,
 * because it knows the number of a line, and what the library would not mention.
 */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "link.h"
#include "memory.h"
#include "util.h"
#include "vm.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define FILE_MAX ((off_t)64 << 10)
#define KEYS_HERE "kernel, initrd, cmdline, cpus, memory or autostart"

/**
 * struct reading - a file that is being read
 * @config: filled in
 * @path: of the file, for messages
 * @file: the file
 * @line: as it was read, or what of it the library has not had yet from @rest on
 * @rest: NULL: the next line is to be read
 * @number: of the line
 * @indented: it begins with a blank: it goes on where the line before ended
 * @awaited: the value of this line comes in its next piece: only the name was short enough for the first
 * @section: below a section: its keys are not looked at
 * @seen: bit N: the key of row N has come
 * @mistakes: so far
 */
struct reading {
	struct wr_config *config;
	const char *path;
	FILE *file;
	char *line;
	size_t size;
	char *rest;
	unsigned int number;
	bool indented;
	bool awaited;
	bool section;
	unsigned int seen;
	unsigned int mistakes;
};

static void mistake(struct reading *reading, const char *fmt, ...) __printf(2, 3);

static void mistake(struct reading *reading, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	wr_error("%s:%u: %s", reading->path, reading->number, text);
	reading->mistakes++;
}

const char *wr_config_memory(const char *text, uint64_t *memory)
{
	int error = wr_parse_size(text, memory);

	if (error == -ERANGE)
		return "is more than any machine has";
	if (error)
		return "is no size; 512M and 2G are";
	if (*memory % 4096)
		return "is not a multiple of 4K";
	if (*memory < WR_MEMORY_MIN)
		return "is too little; 4M is the least, Linux wants 64M or more";
	if (*memory > WR_MEMORY_MAX)
		return "is too much; 1T is the most";
	return NULL;
}

bool wr_config_is_name(const char *name)
{
	const char *at;

	if (!isalpha((unsigned char)*name) || strlen(name) >= WR_NAME_SIZE)
		return false;
	for (at = name; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
			return false;
	return true;
}

static void keep(struct reading *reading, char **where, const char *value)
{
	free(*where);
	*where = strdup(value);
	if (!*where)
		mistake(reading, "out of memory");
}

static void set_path(struct reading *reading, const char *key, const char *value, char **where)
{
	if (*value == '/')
		keep(reading, where, value);
	else
		mistake(reading, "%s = %s: expected an absolute path, such as /boot/vmlinuz", key, value);
}

static void set_kernel(struct reading *reading, const char *key, const char *value)
{
	set_path(reading, key, value, &reading->config->kernel);
}

static void set_initrd(struct reading *reading, const char *key, const char *value)
{
	set_path(reading, key, value, &reading->config->initrd);
}

/* May take several lines, the others indented. */
static void set_cmdline(struct reading *reading, const char *key, const char *value)
{
	char *whole, **where = &reading->config->cmdline;

	(void)key;
	if (!*where) {
		keep(reading, where, value);
	} else if (asprintf(&whole, "%s %s", *where, value) < 0) {
		mistake(reading, "out of memory");
	} else {
		free(*where);
		*where = whole;
	}
}

static void set_cpus(struct reading *reading, const char *key, const char *value)
{
	unsigned long cpus;

	if (wr_parse_count(value, 1, WR_CPUS_MAX, &cpus))
		mistake(reading, "%s = %s: expected a number from 1 to %d", key, value, WR_CPUS_MAX);
	else
		reading->config->cpus = (unsigned int)cpus;
}

static void set_memory(struct reading *reading, const char *key, const char *value)
{
	const char *wrong = wr_config_memory(value, &reading->config->memory);

	if (wrong)
		mistake(reading, "%s = %s %s", key, value, wrong);
}

static void set_autostart(struct reading *reading, const char *key, const char *value)
{
	if (!strcmp(value, "yes") || !strcmp(value, "no"))
		reading->config->autostart = *value == 'y';
	else
		mistake(reading, "%s = %s: expected yes or no", key, value);
}

static const struct {
	const char *name;
	void (*set)(struct reading *reading, const char *key, const char *value);
	bool lines;			/* may go on in indented lines */
} keys[] = {
	{ "kernel", set_kernel, false },
	{ "initrd", set_initrd, false },
	{ "cmdline", set_cmdline, true },
	{ "cpus", set_cpus, false },
	{ "memory", set_memory, false },
	{ "autostart", set_autostart, false },
};

static void set(struct reading *reading, size_t i, const char *value)
{
	const char *key = keys[i].name;
	bool awaited = reading->awaited;

	reading->awaited = false;
	if (reading->indented && !keys[i].lines && !awaited)
		mistake(reading, "expected one line for %s: this one is indented", key);
	else if (!reading->indented && reading->seen & 1u << i)
		mistake(reading, "expected %s once: it stands above already", key);
	else if (!*value && reading->rest)
		reading->awaited = true;
	else if (!*value)
		mistake(reading, "expected a value behind %s =", key);
	else
		keys[i].set(reading, key, value);
	reading->seen |= 1u << i;
}

static int take(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *reading = arg;
	size_t i;

	(void)section;
	if (reading->section)
		return 1;
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!strcmp(name, keys[i].name)) {
			set(reading, i, value);
			return 1;
		}
	}
	if (*name)
		mistake(reading, "there is no '%s': expected " KEYS_HERE, name);
	else
		mistake(reading, "expected a name before the =");
	return 1;
}

static void check_section(struct reading *reading, const char *line)
{
	const char *name = line + 1 + strspn(line + 1, " \t");

	reading->section = true;
	if (!strchr(line, ']'))
		mistake(reading, "expected ] at the end of the section's name");
	else if (!strncmp(name, "disk", 4) || !strncmp(name, "network", 7))
		mistake(reading, "[disk] and [network] are for devices that this version does not have: expected no such section");
	else
		mistake(reading, "expected no section: " KEYS_HERE " stand alone");
}

/* The library knows them too, but not in a line that it gets in pieces. */
static void cut_comment(char *line)
{
	char *at;

	for (at = line; *at; at++) {
		if (*at == ';' && at > line && isblank((unsigned char)at[-1])) {
			*at = '\0';
			return;
		}
	}
}

/* Whether the library shall see the line: of what it cannot read it would tell one line only. */
static bool check_line(struct reading *reading, size_t len)
{
	const char *line = reading->line + strspn(reading->line, " \t\r\n");

	if (strlen(reading->line) != len) {
		mistake(reading, "expected text: there is a zero byte");
		return false;
	}
	if (!*line || *line == '#' || *line == ';')
		return false;
	cut_comment(reading->line);
	reading->indented = line != reading->line;
	if (reading->indented && (reading->seen || reading->section))
		return true;
	if (*line == '[') {
		check_section(reading, line);
		return false;
	}
	if (reading->section || line[strcspn(line, "=:")])
		return true;
	mistake(reading, "expected NAME = VALUE");
	return false;
}

/* The library would take a piece that begins so for a comment. */
static bool looks_like_comment(const char *piece)
{
	return piece[strspn(piece, " \t")] == '#';
}

/* What is longer than the library's line goes on in an indented one, from a blank on. */
static char *hand_out(struct reading *reading, char *to, size_t max)
{
	char *from = reading->rest;
	size_t len = strlen(from), cut = max;

	if (len <= max) {
		memcpy(to, from, len + 1);
		reading->rest = NULL;
		return to;
	}
	while (cut > 1 && (!isblank((unsigned char)from[cut]) || looks_like_comment(from + cut)))
		cut--;
	if (cut <= 1) {
		mistake(reading, "expected words of at most %zu characters", max - 2);
		reading->rest = NULL;
		return strcpy(to, "\n");
	}
	memcpy(to, from, cut);
	to[cut] = '\0';
	reading->rest = from + cut;
	return to;
}

static char *next_line(char *to, int size, void *arg)
{
	struct reading *reading = arg;
	ssize_t len;

	if (reading->rest) {
		reading->indented = true;
		return hand_out(reading, to, (size_t)size - 1);
	}
	len = getline(&reading->line, &reading->size, reading->file);
	if (len < 0)
		return NULL;
	reading->number++;
	reading->awaited = false;
	if (reading->number == 1 && !strncmp(reading->line, BYTE_ORDER_MARK, 3)) {
		memmove(reading->line, reading->line + 3, (size_t)len - 2);
		len -= 3;
	}
	if (!check_line(reading, (size_t)len))
		return strcpy(to, "\n");
	reading->rest = reading->line;
	return hand_out(reading, to, (size_t)size - 1);
}

static int open_file(struct reading *reading)
{
	struct stat st;

	reading->file = fopen(reading->path, "re");
	if (!reading->file)
		return wr_error("cannot open %s: %s", reading->path, strerror(errno));
	if (!fstat(fileno(reading->file), &st) && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX)
		return 0;
	fclose(reading->file);
	return wr_error("%s: expected a file of at most 64K", reading->path);
}

int wr_config_read(struct wr_config *config, const char *path)
{
	struct reading reading = { .config = config, .path = path };

	memset(config, 0, sizeof(*config));
	if (open_file(&reading))
		return -1;
	if (ini_parse_stream(next_line, &reading, take, &reading))
		mistake(&reading, "expected NAME = VALUE in this or a line above");
	if (ferror(reading.file))
		mistake(&reading, "%s", strerror(EIO));
	fclose(reading.file);
	free(reading.line);
	if (!reading.mistakes)
		return 0;
	wr_hint("see `man 5 warren.conf`");
	return -1;
}

void wr_config_free(struct wr_config *config)
{
	free(config->kernel);
	free(config->initrd);
	free(config->cmdline);
}

static bool user_path(const char *name, char *path, size_t size)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (xdg && *xdg == '/')
		return snprintf(path, size, "%s/warren/%s.conf", xdg, name) < (int)size;
	return home && *home == '/' &&
	       snprintf(path, size, "%s/.config/warren/%s.conf", home, name) < (int)size;
}

int wr_config_find(const char *name, char *path, size_t size)
{
	char own[256] = "~/.config/warren";

	if (user_path(name, own, sizeof(own)) && !access(own, F_OK)) {
		snprintf(path, size, "%s", own);
		return 0;
	}
	snprintf(path, size, WR_CONFIG_DIR "/%s.conf", name);
	if (!access(path, F_OK))
		return 0;
	wr_error("there is no configuration for '%s': neither %s nor %s", name, own, path);
	wr_hint("`man 5 warren.conf` tells what to write there; or run a guest by --kernel FILE");
	return -1;
}
