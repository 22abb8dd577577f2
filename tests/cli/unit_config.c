// SPDX-License-Identifier: GPL-2.0-only
/* Configuration files that are right; tests/cli/launcher.sh has those that are wrong. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "unit.h"
#include "util.h"

static char path[] = "/tmp/warren-unit.XXXXXX";

static void write_text(const char *text)
{
	int fd = mkstemp(path);

	EXPECT(fd >= 0);
	EXPECT_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static bool same(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

static void values(void)
{
	struct wr_config config;

	write_text("\xef\xbb\xbf# a comment\r\n"
		   "  ; another\n\n"
		   "kernel=/boot/vmlinuz\n"
		   "initrd = /boot/init rd ; the usual one\n"
		   "cmdline : console=ttyS0 root=/dev/vda#1\n"
		   "\tquiet\n"
		   "    panic=-1\n"
		   "cpus = 4\r\n"
		   "memory = 2G\n"
		   "autostart = yes");
	EXPECT_EQ(wr_config_read(&config, path), 0);
	EXPECT(same(config.kernel, "/boot/vmlinuz"));
	EXPECT(same(config.initrd, "/boot/init rd"));
	EXPECT(same(config.cmdline, "console=ttyS0 root=/dev/vda#1 quiet panic=-1"));
	EXPECT_EQ(config.cpus, 4);
	EXPECT_EQ(config.memory, 2 * WR_GIB);
	EXPECT(config.autostart);
	wr_config_free(&config);
	unlink(path);
}

static void empty(void)
{
	struct wr_config config;

	write_text("");
	EXPECT_EQ(wr_config_read(&config, path), 0);
	EXPECT(!config.kernel && !config.initrd && !config.cmdline);
	EXPECT(!config.cpus && !config.memory && !config.autostart);
	wr_config_free(&config);
	unlink(path);
}

/* Longer than what the library takes at once, in words of all lengths; so is the comment behind it. */
static void long_line(void)
{
	char line[6000] = "cmdline = ", value[6000], *at = line + strlen(line);
	struct wr_config config;
	size_t len = 0;

	while (at < line + sizeof(line) - 1200) {
		memset(at, 'a' + (int)(len % 26), 1 + len % 150);
		at += 1 + len++ % 150;
		*at++ = ' ';
	}
	at[-1] = '\0';
	strcpy(value, line + strlen("cmdline = "));
	strcat(line, " ; a comment");
	for (len = 0; len < 50; len++)
		strcat(line, " of many words");
	write_text(line);
	EXPECT_EQ(wr_config_read(&config, path), 0);
	EXPECT(same(config.cmdline, value));
	wr_config_free(&config);
	unlink(path);
}

/* About as long as a line of the library can be: with and without room for what is before it. */
static void long_path(void)
{
	struct wr_config config;
	char line[300], *at;
	size_t len;

	for (len = 170; len <= 197; len++) {
		strcpy(line, "kernel = /");
		at = line + strlen("kernel = ");
		memset(at + 1, 'a', len - 1);
		strcpy(at + len, "\ncpus = 2\n");
		write_text(line);
		EXPECT_EQ(wr_config_read(&config, path), 0);
		EXPECT(config.kernel && strlen(config.kernel) == len);
		EXPECT_EQ(config.cpus, 2);
		wr_config_free(&config);
		unlink(path);
		strcpy(path + sizeof(path) - 7, "XXXXXX");
	}
	/* Longer than the library's line, with a blank where a piece of it could end. */
	memset(line, 'b', sizeof(line));
	memcpy(line, "kernel = /", 10);
	memcpy(line + 150, " /", 2);
	line[sizeof(line) - 1] = '\0';
	write_text(line);
	EXPECT_EQ(wr_config_read(&config, path), -1);
	wr_config_free(&config);
	unlink(path);
	strcpy(path + sizeof(path) - 7, "XXXXXX");
}

/* Words that begin with #, wherever the line is cut. */
static void hashes(void)
{
	char line[1000], word[8];
	struct wr_config config;
	size_t shift, i;

	for (shift = 1; shift < 20; shift++) {
		memset(line, 'x', sizeof(line));
		memcpy(line, "cmdline = ", 10);
		line[10 + shift] = '\0';
		for (i = 0; i < 60; i++) {
			snprintf(word, sizeof(word), i % 5 ? " #%zu" : " %zu", i);
			strcat(line, word);
		}
		write_text(line);
		EXPECT_EQ(wr_config_read(&config, path), 0);
		EXPECT(same(config.cmdline, line + 10));
		wr_config_free(&config);
		unlink(path);
		strcpy(path + sizeof(path) - 7, "XXXXXX");
	}
}

static void names(void)
{
	char name[65] = "";

	EXPECT(wr_config_is_name("web"));
	EXPECT(wr_config_is_name("Web-1.example_2"));
	EXPECT(!wr_config_is_name(""));
	EXPECT(!wr_config_is_name("1web"));
	EXPECT(!wr_config_is_name("../web"));
	EXPECT(!wr_config_is_name("we b"));
	EXPECT(!wr_config_is_name("web\n"));
	memset(name, 'a', 63);
	EXPECT(wr_config_is_name(name));
	name[63] = 'a';
	EXPECT(!wr_config_is_name(name));
}

const struct unit_test unit_config[] = {
	{ "config: values", values },
	{ "config: an empty file", empty },
	{ "config: a long line", long_line },
	{ "config: a long path", long_path },
	{ "config: words with #", hashes },
	{ "config: names", names },
	{ NULL, NULL },
};
