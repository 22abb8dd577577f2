/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_CONFIG_H
#define WARREN_CLI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WR_CONFIG_DIR "/etc/warren"

/**
 * struct wr_config - a configuration file, NAME.conf; see man 5 warren.conf
 * @kernel: path, or NULL: the file does not say
 * @initrd: likewise
 * @cmdline: likewise
 * @cpus: number, or 0
 * @memory: bytes, or 0
 * @autostart: start it with the host
 *
 * Strings are allocated; wr_config_free() frees them.
 */
struct wr_config {
	char *kernel;
	char *initrd;
	char *cmdline;
	unsigned int cpus;
	uint64_t memory;
	bool autostart;
};

/**
 * wr_config_is_name() - whether a VM can be called so
 * @name: letters, digits and . _ -, the first a letter, at most 63
 */
bool wr_config_is_name(const char *name);

/**
 * wr_config_find() - where a VM's file is
 * @name: of the VM
 * @path: filled in
 * @size: of @path
 *
 * The user's own directory comes before the system's.
 * Return: 0, or -1 after an error message.
 */
int wr_config_find(const char *name, char *path, size_t size);

/**
 * wr_config_read() - read a file
 * @config: filled in; wr_config_free() must follow, also after failure
 * @path: of the file
 *
 * Return: 0, or -1 after a message for each mistake: file, line, what was expected.
 */
int wr_config_read(struct wr_config *config, const char *path);

/**
 * wr_config_free() - free the strings
 * @config: as left by wr_config_read()
 */
void wr_config_free(struct wr_config *config);

/**
 * wr_config_memory() - read an amount of memory for a VM
 * @text: as in "512M"
 * @memory: bytes, filled in
 *
 * Return: NULL, or what is wrong with it, to be put behind the text.
 */
const char *wr_config_memory(const char *text, uint64_t *memory);

#endif
