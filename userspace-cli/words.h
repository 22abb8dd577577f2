/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_WORDS_H
#define WARREN_CLI_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* The kernel's numbers as words, the same in tables and in JSON. What is newer than this program is "unknown". */

/* Room for a number as wr_size_text() and the like write it */
#define WR_TEXT_SIZE 32

const char *wr_vm_state_word(uint32_t state);		/* enum warren_vm_state */
const char *wr_vcpu_state_word(uint32_t state);		/* enum warren_vcpu_state */
const char *wr_vendor_word(uint32_t vendor);		/* enum warren_vendor */
const char *wr_paging_word(uint32_t paging);		/* enum warren_paging */
const char *wr_event_word(uint32_t what);		/* enum warren_event */
const char *wr_crash_word(uint32_t reason);		/* enum warren_crash */
const char *wr_exit_word(uint32_t reason);		/* enum warren_exit */

/**
 * wr_size_text() - bytes in at most five characters: 512M, 1.5G
 * @bytes: how many
 * @text: written
 *
 * Return: @text.
 */
char *wr_size_text(uint64_t bytes, char text[WR_TEXT_SIZE]);

/**
 * wr_time_text() - a duration in at most seven characters: 250ns, 1.5ms, 42s, 3m12s, 5h07m, 12d03h
 * @ns: nanoseconds
 * @text: written
 *
 * Return: @text.
 */
char *wr_time_text(uint64_t ns, char text[WR_TEXT_SIZE]);

/**
 * wr_uuid_text() - a UUID in its usual form
 * @uuid: 16 bytes
 * @text: written, 37 bytes
 *
 * Return: @text.
 */
char *wr_uuid_text(const uint8_t *uuid, char text[37]);

/**
 * wr_user_text() - the name of a user, or the number where there is no name
 * @uid: number
 * @text: written
 * @size: of @text
 *
 * Return: @text.
 */
char *wr_user_text(uint32_t uid, char *text, size_t size);

#endif
